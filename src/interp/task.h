/* One job as the interpreter sees it: what to run, where output and attestations go, what came out. */
#ifndef QPY__INTERP_TASK_H
#define QPY__INTERP_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <qntxpy/engine.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/output.h"
#include "interp/stop.h"
#include "store/session.h"

/* A list of strings that owns its items. */
struct qpy__string_list {
    char **items;
    size_t count;
};

/* The script spec: everything about one run, checked and copied. Does not change while it runs. */
struct qpy__spec {
    char *code; /* UTF-8, terminated, without NUL and without a byte order mark */
    size_t code_length;
    char *filename; /* as tracebacks show it */
    char *file;     /* __file__, or NULL */
    char *job_id;
    char *script_type; /* or NULL, as the following */
    char *handler_name;
    char *glyph_id;
    char *payload_json; /* the whole payload as it came */
    char *input_json;
    char *upstream_json;
    struct qpy__string_list python_paths;
    struct qpy__string_list env; /* NAME=value */
    int attempt;
    bool capture_variables;
    enum qpy__session_mode attest;
    int64_t timeout_ms;
    qpy_hooks hooks; /* functions may be NULL */
    qpy_context *context;
};

/* What a run came to. Texts are malloc'd; JSON texts are ready to be put into the result. */
struct qpy__outcome {
    const char *kind; /* error_kind, static; NULL: success */
    int exit_code;
    char *value_json;
    char *error; /* traceback */
    char *error_type;
    char *error_message;
    char *frames_json;
    char *variables_json;        /* NULL unless captured */
    struct qpy__buf conversions; /* comma-separated JSON objects */
    bool threads_left;           /* the interpreter could not be ended */
    qpy__usec ran;               /* how long the script's own code took */
};

struct qpy__task {
    const struct qpy__spec *spec;
    qpy__session *session;
    size_t result_limit;
    size_t output_limit;
    double deadline_unix; /* seconds, for qntx.job.deadline */

    struct qpy__output output[2]; /* stdout, stderr */
    struct qpy__stop stop;
    struct qpy__outcome outcome; /* the worker's alone until it has delivered */

    /*
     * Serialises the host's hooks. Taken without the GIL only, so that a slow hook stops nobody but
     * the threads of this job that print. `closed`: the result is delivered, no hook any more.
     */
    pthread_mutex_t emit_lock;
    atomic_bool closed;
};

/* Add a copy of `text`. Errors: QPY_E_NO_MEMORY. */
QPY_MUST_CHECK qpy_status qpy__string_list_add(struct qpy__string_list *list, const char *text,
                                               qpy_error *error);

/* Free the items; the list is empty afterwards. */
void qpy__string_list_done(struct qpy__string_list *list);

void qpy__spec_free(struct qpy__spec *spec);

void qpy__task_init(struct qpy__task *task, const struct qpy__spec *spec, size_t output_limit,
                    size_t result_limit);
/* No thread of the script may be able to reach the task any more. */
void qpy__task_done(struct qpy__task *task);

/* Hooks of the host. GIL: not held. Silent when the host did not ask, or the job has ended. */
void qpy__task_emit_output(struct qpy__task *task, int stream, const char *data, size_t length);
void qpy__task_emit_progress(struct qpy__task *task, int64_t current, int64_t total,
                             const char *message);
void qpy__task_emit_log(struct qpy__task *task, const char *level, const char *message,
                        const char *fields_json);

#endif
