/* What the handlers of this library may do with a job beyond the public API. */
#ifndef QPY__PULSE_JOB_H
#define QPY__PULSE_JOB_H

#include <stdatomic.h>

#include <qntxpy/job.h>

struct qpy_job {
    char *id;
    char *handler_name;
    char *source;  /* "" if none */
    char *payload; /* terminated; or NULL */
    size_t payload_length;
    atomic_int_least64_t progress_current;
    atomic_int_least64_t progress_total;
    qpy_result *result; /* owned; or NULL */
};

/* Replace the job's result; takes `result` (which may be NULL) over. */
void qpy__job_take_result(qpy_job *job, qpy_result *result);

#endif
