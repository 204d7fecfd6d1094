/* The handler "python.script": runs a job's script in an engine (contract section 3). */
#include <string.h>

#include "core/error.h"
#include "core/utf8.h"
#include "pulse/job.h"

#define FAILED "Python script execution failed: "
#define STDERR "\n\nStderr:\n"
#define CUT "\n[...]\n"
#define WHOLE "The job's result has all of it: qpy_job_result."
#define ROOM (sizeof((qpy_error *)NULL)->message - sizeof FAILED) /* for what follows FAILED */

/* ---- What a result means for the job --------------------------------------------------------- */

static qpy_status cancelled(const qpy_job *job, const char *reason, qpy_error *error)
{
    return qpy__error(error, QPY_E_CANCELLED, "job %s was cancelled: %s", qpy_job_id(job), reason);
}

static qpy_status cancelled_by(const qpy_context *ctx, const qpy_job *job, qpy_error *error)
{
    char reason[256];
    qpy_context_reason(ctx, reason, sizeof reason);
    return cancelled(job, reason, error);
}

/* An error too long for a message: its beginning and its end, where the exception is. */
static qpy_status failed_at_length(const char *text, size_t length, qpy_error *error)
{
    size_t half = (ROOM - strlen(CUT) - 4) / 2; /* 4: the floor of the tail may begin earlier */
    size_t head = qpy__utf8_floor(text, half);
    size_t tail = qpy__utf8_floor(text, length - half);
    qpy_status status = qpy__error(error, QPY_E_HANDLER_FAILED, FAILED "%.*s" CUT "%s", (int)head,
                                   text, text + tail);
    qpy__error_hint(error, WHOLE);
    return status;
}

/* As much of stderr behind the error as there is room for. */
static qpy_status failed_with_stderr(const char *text, size_t length, const char *output,
                                     size_t output_length, qpy_error *error)
{
    size_t room = ROOM - length > strlen(STDERR) ? ROOM - length - strlen(STDERR) : 0;
    size_t shown = output_length <= room ? output_length : qpy__utf8_floor(output, room);
    qpy_status status = qpy__error(error, QPY_E_HANDLER_FAILED, FAILED "%s%s%.*s", text,
                                   shown > 0 ? STDERR : "", (int)shown, output);
    if (shown < output_length)
        qpy__error_hint(error, WHOLE);
    return status;
}

static qpy_status failed(const qpy_result *result, qpy_error *error)
{
    const char *text = qpy_result_error(result);
    if (!text || text[0] == '\0')
        text = "Python script execution failed (no error message)";
    size_t length = strlen(text);
    if (length > ROOM)
        return failed_at_length(text, length, error);
    size_t output_length;
    const char *output = qpy_result_stderr(result, &output_length);
    return failed_with_stderr(text, length, output, output_length, error);
}

/* The result's own word decides: a script that had failed before it was cancelled has failed. */
static qpy_status judge(const qpy_context *ctx, const qpy_job *job, const qpy_result *result,
                        qpy_error *error)
{
    if (qpy_result_success(result))
        return QPY_OK;
    if (strcmp(qpy_result_error_kind(result), "cancelled") != 0)
        return failed(result, error);
    if (qpy_context_cancelled(ctx))
        return cancelled_by(ctx, job, error);
    return cancelled(job, qpy_result_error(result), error); /* the engine is closing */
}

/* ---- Running --------------------------------------------------------------------------------- */

/*
 * On the script's thread, while execute waits on the job's: the engine calls it for nobody after it
 * has delivered the result. Progress is all it touches, and that any thread may set and read.
 */
static void report_progress(void *payload, int64_t current, int64_t total, const char *message)
{
    (void)message;
    qpy_job_set_progress(payload, current, total);
}

static qpy_status run(qpy_engine *engine, qpy_context *ctx, qpy_job *job, qpy_result **ret_result,
                      qpy_error *error)
{
    qpy_hooks hooks = QPY_HOOKS_INIT;
    hooks.payload = job;
    hooks.progress = report_progress;
    qpy_script script = QPY_SCRIPT_INIT;
    script.payload_json = qpy_job_payload(job, &script.payload_length);
    if (!script.payload_json)
        script.payload_json = "";
    script.job_id = qpy_job_id(job);
    script.context = ctx;
    script.hooks = &hooks;
    return qpy_engine_run(engine, &script, ret_result, error);
}

static qpy_status execute(void *self, qpy_context *ctx, qpy_job *job, qpy_error *error)
{
    if (!self || !job)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", self ? "job" : "engine");
    qpy__job_take_result(job, NULL);
    if (qpy_context_cancelled(ctx))
        return cancelled_by(ctx, job, error);
    qpy_result *result = NULL;
    qpy_status status = run(self, ctx, job, &result, error);
    if (status != QPY_OK)
        return status;
    qpy__job_take_result(job, result);
    return judge(ctx, job, result, error);
}

static const char *name(void *self)
{
    (void)self;
    return QPY_PYTHON_SCRIPT;
}

qpy_handler qpy_python_handler(qpy_engine *engine)
{
    return (qpy_handler){
        .size = sizeof(qpy_handler), .self = engine, .name = name, .execute = execute};
}
