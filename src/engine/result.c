/* The result of one execution, from the task's outcome to what the getters and the JSON show. */
#include "engine/result.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define JSON_MAXIMUM ((size_t)1 << 31)

struct text {
    char *data; /* valid UTF-8, terminated; never NULL in a finished result */
    size_t length;
    uint64_t dropped;
};

struct qpy_result {
    atomic_int references;
    bool success;
    const char *kind; /* static, NULL on success */
    int exit_code;
    char *job_id;
    char *error;
    char *error_type;
    char *error_message;
    struct text output[2];
    char *value_json;
    char *variables_json;
    char *frames_json;
    char *conversions_json;
    char *attestation_ids_json;
    size_t attestations;
    const char *rung; /* static, or NULL */
    char *stopped_at;
    bool own_gil;
    bool abandoned;
    qpy__usec waited;
    qpy__usec ran;
    qpy__usec total;
    pthread_mutex_t lock; /* guards json, which is made when it is first asked for */
    char *json;
};

/* ---- Making ------------------------------------------------------------------------------------- */

/* Bytes that are not UTF-8 (written through sys.stdout.buffer) become U+FFFD. */
static char *valid_text(char *data, size_t *length)
{
    size_t valid = qpy__utf8_valid_prefix(data, *length);
    if (valid == *length)
        return data;
    struct qpy__buf clean;
    qpy__buf_init(&clean, 3 * *length + 1);
    for (size_t at = 0; at < *length;) {
        valid = qpy__utf8_valid_prefix(data + at, *length - at);
        qpy__buf_add(&clean, data + at, valid);
        at += valid;
        if (at < *length) {
            qpy__buf_text(&clean, "\xEF\xBF\xBD");
            at++;
        }
    }
    *length = clean.length;
    free(data);
    return qpy__buf_take(&clean);
}

static bool read_output(struct text *ret, struct qpy__output *output, size_t limit)
{
    struct qpy__buf buf;
    qpy__buf_init(&buf, limit + 128);
    qpy__output_read(output, &buf, &ret->dropped);
    ret->length = buf.length;
    ret->data = qpy__buf_take(&buf);
    if (ret->data)
        ret->data = valid_text(ret->data, &ret->length);
    return ret->data != NULL;
}

static qpy_result *new_result(const struct qpy__spec *spec, const struct qpy__run_facts *facts)
{
    qpy_result *result = calloc(1, sizeof *result);
    if (!result)
        return NULL;
    atomic_init(&result->references, 1);
    pthread_mutex_init(&result->lock, NULL);
    result->own_gil = facts->own_gil;
    result->abandoned = facts->abandoned;
    result->waited = facts->waited;
    result->total = facts->total;
    result->job_id = strdup(spec->job_id);
    return result;
}

static char *take(char **slot)
{
    char *text = *slot;
    *slot = NULL;
    return text;
}

static void take_outcome(qpy_result *result, struct qpy__outcome *outcome)
{
    result->success = outcome->kind == NULL;
    result->kind = outcome->kind;
    result->exit_code = outcome->exit_code;
    result->error = take(&outcome->error);
    result->error_type = take(&outcome->error_type);
    result->error_message = take(&outcome->error_message);
    result->value_json = result->success ? take(&outcome->value_json) : NULL;
    result->variables_json = result->success ? take(&outcome->variables_json) : NULL;
    result->frames_json = take(&outcome->frames_json);
    result->conversions_json = qpy__buf_take(&outcome->conversions);
    result->ran = outcome->ran;
}

/* The outcome belongs to a thread that may still write it: say what the watchdog knows. */
static void describe_abandoned(qpy_result *result, struct qpy__task *task)
{
    enum qpy__stop_kind kind = qpy__stop_requested(&task->stop);
    bool timeout = kind == QPY__STOP_TIMEOUT;
    struct qpy__buf text;
    qpy__buf_init(&text, 4096);
    if (timeout)
        qpy__buf_format(&text, "the job ran past its deadline of %g s",
                        (double)task->spec->timeout_ms / 1000);
    else
        qpy__buf_format(&text, "the job was cancelled: %s", task->stop.reason);
    qpy__buf_text(&text, " and could not be stopped; its thread was left behind");
    result->kind = timeout ? "timeout" : "cancelled";
    result->exit_code = 1;
    result->error_message = qpy__buf_take(&text);
    result->error_type = strdup(timeout ? "qntx.JobTimeout" : "qntx.JobCancelled");
    qpy__buf_format(&text, "%s: %s", result->error_type ? result->error_type : "?",
                    result->error_message ? result->error_message : "?");
    result->error = qpy__buf_take(&text);
    result->ran = result->total;
}

static void read_stop(qpy_result *result, struct qpy__task *task)
{
    pthread_mutex_lock(&task->stop.lock);
    result->rung = result->success ? NULL : qpy__stop_rung_name(task->stop.rung);
    if (result->rung && task->stop.stack)
        result->stopped_at = strdup(task->stop.stack);
    pthread_mutex_unlock(&task->stop.lock);
}

qpy_result *qpy__result_make(struct qpy__task *task, const struct qpy__run_facts *facts)
{
    qpy_result *result = new_result(task->spec, facts);
    if (!result)
        return NULL;
    if (facts->abandoned)
        describe_abandoned(result, task);
    else
        take_outcome(result, &task->outcome);
    read_stop(result, task);
    bool complete = read_output(&result->output[0], &task->output[0], task->output_limit) &&
                    read_output(&result->output[1], &task->output[1], task->output_limit);
    bool stored = result->success || task->spec->attest == QPY__SESSION_IMMEDIATE;
    if (task->session && stored) {
        result->attestations = qpy__session_count(task->session);
        complete = complete && qpy__session_ids_json(task->session, &result->attestation_ids_json,
                                                     NULL) == QPY_OK;
    }
    if (complete && result->job_id && (result->success || result->error))
        return result;
    qpy_result_free(result);
    return NULL;
}

qpy_result *qpy__result_unstarted(const struct qpy__spec *spec, const char *kind,
                                  const char *message, const struct qpy__run_facts *facts)
{
    qpy_result *result = new_result(spec, facts);
    if (!result)
        return NULL;
    result->kind = kind;
    result->exit_code = 1;
    result->error = strdup(message);
    result->error_message = strdup(message);
    result->output[0].data = strdup("");
    result->output[1].data = strdup("");
    if (result->job_id && result->error && result->output[0].data && result->output[1].data)
        return result;
    qpy_result_free(result);
    return NULL;
}

qpy_result *qpy__result_ref(qpy_result *result)
{
    atomic_fetch_add(&result->references, 1);
    return result;
}

void qpy_result_free(qpy_result *result)
{
    if (!result || atomic_fetch_sub(&result->references, 1) > 1)
        return;
    free(result->job_id);
    free(result->error);
    free(result->error_type);
    free(result->error_message);
    free(result->output[0].data);
    free(result->output[1].data);
    free(result->value_json);
    free(result->variables_json);
    free(result->frames_json);
    free(result->conversions_json);
    free(result->attestation_ids_json);
    free(result->stopped_at);
    free(result->json);
    pthread_mutex_destroy(&result->lock);
    free(result);
}

/* ---- Getters ------------------------------------------------------------------------------------ */

bool qpy_result_success(const qpy_result *result)
{
    return result->success;
}

const char *qpy_result_error_kind(const qpy_result *result)
{
    return result->kind;
}

const char *qpy_result_error(const qpy_result *result)
{
    return result->error;
}

static const char *output(const qpy_result *result, int index, size_t *ret_length)
{
    if (ret_length)
        *ret_length = result->output[index].length;
    return result->output[index].data;
}

const char *qpy_result_stdout(const qpy_result *result, size_t *ret_length)
{
    return output(result, 0, ret_length);
}

const char *qpy_result_stderr(const qpy_result *result, size_t *ret_length)
{
    return output(result, 1, ret_length);
}

const char *qpy_result_value_json(const qpy_result *result)
{
    return result->value_json ? result->value_json : "null";
}

int64_t qpy_result_duration_ms(const qpy_result *result)
{
    return result->ran / QPY__USEC_PER_MSEC;
}

int qpy_result_exit_code(const qpy_result *result)
{
    return result->exit_code;
}

size_t qpy_result_attestations(const qpy_result *result)
{
    return result->attestations;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void add_text(struct qpy__buf *json, const char *name, const char *text)
{
    qpy__buf_format(json, ",\"%s\":", name);
    qpy__buf_json_text(json, text);
}

static void add_json(struct qpy__buf *json, const char *name, const char *text,
                     const char *otherwise)
{
    qpy__buf_format(json, ",\"%s\":", name);
    qpy__buf_text(json, text ? text : otherwise);
}

static void add_output(struct qpy__buf *json, const char *name, const struct text *text)
{
    qpy__buf_format(json, ",\"%s\":", name);
    qpy__buf_json_string(json, text->data, text->length);
}

/* The fields of contract 4.3, in its order. */
static void add_contract_fields(struct qpy__buf *json, const qpy_result *result)
{
    qpy__buf_format(json, "{\"success\":%s", result->success ? "true" : "false");
    add_output(json, "stdout", &result->output[0]);
    add_output(json, "stderr", &result->output[1]);
    add_json(json, "result", result->value_json, "null");
    add_text(json, "error", result->error);
    qpy__buf_format(json, ",\"duration_ms\":%" PRId64, qpy_result_duration_ms(result));
    if (result->variables_json)
        add_json(json, "variables", result->variables_json, "{}");
}

static void add_times(struct qpy__buf *json, const qpy_result *result)
{
    qpy__buf_format(json, ",\"times_ms\":{\"waiting\":%.3f,\"running\":%.3f,\"reporting\":%.3f}",
                    (double)result->waited / 1000, (double)result->ran / 1000,
                    (double)(result->total - result->ran) / 1000);
}

static char *make_json(const qpy_result *result)
{
    struct qpy__buf json;
    qpy__buf_init(&json, JSON_MAXIMUM);
    add_contract_fields(&json, result);
    add_text(&json, "job_id", result->job_id);
    add_text(&json, "error_kind", result->kind);
    add_text(&json, "error_type", result->error_type);
    add_text(&json, "error_message", result->error_message);
    qpy__buf_format(&json, ",\"exit_code\":%d", result->exit_code);
    add_json(&json, "frames", result->frames_json, "[]");
    add_text(&json, "stop_rung", result->rung);
    add_text(&json, "stopped_at", result->stopped_at);
    qpy__buf_format(&json, ",\"attestations\":{\"count\":%zu", result->attestations);
    add_json(&json, "ids", result->attestation_ids_json, "[]");
    qpy__buf_text(&json, "},\"conversions\":[");
    qpy__buf_text(&json, result->conversions_json ? result->conversions_json : "");
    qpy__buf_format(&json, "],\"stdout_dropped\":%" PRIu64 ",\"stderr_dropped\":%" PRIu64,
                    result->output[0].dropped, result->output[1].dropped);
    add_text(&json, "lane", "fresh");
    add_text(&json, "gil", result->own_gil ? "own" : "shared");
    qpy__buf_format(&json, ",\"interpreter_abandoned\":%s", result->abandoned ? "true" : "false");
    add_times(&json, result);
    qpy__buf_char(&json, '}');
    return qpy__buf_take(&json);
}

const char *qpy_result_json(const qpy_result *result)
{
    qpy_result *self = (qpy_result *)result; /* the text is a cache; the result stays the same */
    pthread_mutex_lock(&self->lock);
    if (!self->json)
        self->json = make_json(self);
    const char *json = self->json;
    pthread_mutex_unlock(&self->lock);
    return json ? json : "{\"success\":false,\"error\":\"out of memory\"}";
}
