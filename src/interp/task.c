/* One job as the interpreter sees it: its memory, and the host's hooks. */
#include "interp/task.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

qpy_status qpy__string_list_add(struct qpy__string_list *list, const char *text, qpy_error *error)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof(char *));
    if (!items)
        return qpy__error_memory(error, "a list");
    list->items = items;
    items[list->count] = strdup(text);
    if (!items[list->count])
        return qpy__error_memory(error, "a list");
    list->count++;
    return QPY_OK;
}

void qpy__string_list_done(struct qpy__string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct qpy__string_list){0};
}

void qpy__spec_free(struct qpy__spec *spec)
{
    if (!spec)
        return;
    free(spec->code);
    free(spec->filename);
    free(spec->file);
    free(spec->job_id);
    free(spec->script_type);
    free(spec->handler_name);
    free(spec->glyph_id);
    free(spec->payload_json);
    free(spec->input_json);
    free(spec->upstream_json);
    qpy__string_list_done(&spec->python_paths);
    qpy__string_list_done(&spec->env);
    free(spec);
}

void qpy__task_init(struct qpy__task *task, const struct qpy__spec *spec, size_t output_limit,
                    size_t result_limit)
{
    *task = (struct qpy__task){
        .spec = spec, .output_limit = output_limit, .result_limit = result_limit};
    qpy__output_init(&task->output[0], output_limit);
    qpy__output_init(&task->output[1], output_limit);
    qpy__stop_init(&task->stop);
    qpy__buf_init(&task->outcome.conversions, 64 * 1024);
    pthread_mutex_init(&task->emit_lock, NULL);
    atomic_init(&task->closed, false);
}

static void outcome_done(struct qpy__outcome *outcome)
{
    free(outcome->value_json);
    free(outcome->error);
    free(outcome->error_type);
    free(outcome->error_message);
    free(outcome->frames_json);
    free(outcome->variables_json);
    qpy__buf_done(&outcome->conversions);
}

void qpy__task_done(struct qpy__task *task)
{
    outcome_done(&task->outcome);
    qpy__output_done(&task->output[0]);
    qpy__output_done(&task->output[1]);
    qpy__stop_done(&task->stop);
    qpy__session_close(task->session);
    pthread_mutex_destroy(&task->emit_lock);
}

void qpy__task_emit_output(struct qpy__task *task, int stream, const char *data, size_t length)
{
    const qpy_hooks *hooks = &task->spec->hooks;
    if (!hooks->output || length == 0)
        return;
    pthread_mutex_lock(&task->emit_lock);
    if (!atomic_load(&task->closed))
        hooks->output(hooks->payload, stream, data, length);
    pthread_mutex_unlock(&task->emit_lock);
}

void qpy__task_emit_progress(struct qpy__task *task, int64_t current, int64_t total,
                             const char *message)
{
    const qpy_hooks *hooks = &task->spec->hooks;
    if (!hooks->progress)
        return;
    pthread_mutex_lock(&task->emit_lock);
    if (!atomic_load(&task->closed))
        hooks->progress(hooks->payload, current, total, message);
    pthread_mutex_unlock(&task->emit_lock);
}

void qpy__task_emit_log(struct qpy__task *task, const char *level, const char *message,
                        const char *fields_json)
{
    const qpy_hooks *hooks = &task->spec->hooks;
    if (!hooks->log)
        return;
    pthread_mutex_lock(&task->emit_lock);
    if (!atomic_load(&task->closed))
        hooks->log(hooks->payload, level, message, fields_json);
    pthread_mutex_unlock(&task->emit_lock);
}
