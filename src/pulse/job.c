/* The record of one job: what is to be done by whom, and how far it is. */
#include "pulse/job.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

static qpy_status copy_fields(qpy_job *job, const char *handler_name, const char *payload,
                              size_t payload_length, const char *source, qpy_error *error)
{
    char id[48];
    qpy_status status = qpy_id_new("JB", handler_name, "process", source, id, error);
    if (status != QPY_OK)
        return status;
    job->id = strdup(id);
    job->handler_name = strdup(handler_name);
    job->source = strdup(source ? source : "");
    if (payload) {
        job->payload = copy_bytes(payload, payload_length);
        job->payload_length = payload_length;
    }
    if (!job->id || !job->handler_name || !job->source || (payload && !job->payload))
        return qpy__error_memory(error, "a job");
    return QPY_OK;
}

qpy_status qpy_job_new(const char *handler_name, const char *payload, size_t payload_length,
                       const char *source, qpy_job **ret_job, qpy_error *error)
{
    if (!ret_job)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_job is NULL");
    if (!handler_name || handler_name[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT, "job.HandlerName cannot be empty");
    if (!payload && payload_length > 0)
        return qpy__error(error, QPY_E_ARGUMENT, "payload is NULL, but payload_length is %zu",
                          payload_length);
    qpy_job *job = calloc(1, sizeof *job);
    if (!job)
        return qpy__error_memory(error, "a job");
    qpy_status status = copy_fields(job, handler_name, payload, payload_length, source, error);
    if (status == QPY_OK)
        *ret_job = job;
    else
        qpy_job_free(job);
    return status;
}

void qpy_job_free(qpy_job *job)
{
    if (!job)
        return;
    qpy__job_take_result(job, NULL);
    free(job->id);
    free(job->handler_name);
    free(job->source);
    free(job->payload);
    free(job);
}

const char *qpy_job_id(const qpy_job *job)
{
    return job ? job->id : NULL;
}

const char *qpy_job_handler_name(const qpy_job *job)
{
    return job ? job->handler_name : NULL;
}

const char *qpy_job_source(const qpy_job *job)
{
    return job ? job->source : NULL;
}

const char *qpy_job_payload(const qpy_job *job, size_t *ret_length)
{
    if (ret_length)
        *ret_length = job ? job->payload_length : 0;
    return job ? job->payload : NULL;
}

qpy_status qpy_job_set_id(qpy_job *job, const char *id, qpy_error *error)
{
    if (!job)
        return qpy__error(error, QPY_E_ARGUMENT, "job is NULL");
    if (!id || id[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT, "id is empty; a job needs one");
    char *copy = strdup(id);
    if (!copy)
        return qpy__error_memory(error, "the id of a job");
    free(job->id);
    job->id = copy;
    return QPY_OK;
}

void qpy_job_set_progress(qpy_job *job, int64_t current, int64_t total)
{
    if (!job)
        return;
    atomic_store(&job->progress_current, current);
    atomic_store(&job->progress_total, total < 0 ? 0 : total);
}

int64_t qpy_job_progress_current(const qpy_job *job)
{
    return job ? atomic_load(&job->progress_current) : 0;
}

int64_t qpy_job_progress_total(const qpy_job *job)
{
    return job ? atomic_load(&job->progress_total) : 0;
}

const qpy_result *qpy_job_result(const qpy_job *job)
{
    return job ? job->result : NULL;
}

void qpy__job_take_result(qpy_job *job, qpy_result *result)
{
    qpy_result_free(job->result);
    job->result = result;
}
