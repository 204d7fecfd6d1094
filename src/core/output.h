/* Output of one stream of a job: bounded, keeps the head and the tail, readable at any moment. */
#ifndef QPY__CORE_OUTPUT_H
#define QPY__CORE_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/*
 * Of everything written, the first half of the limit and the last half are kept; what falls between
 * is counted. Writing never fails: when the host has no memory, bytes count as dropped.
 * Python is not involved, so that a script that hangs cannot keep its output from the caller.
 */
struct qpy__output {
    pthread_mutex_t lock; /* guards all below; a leaf: nothing else is locked while it is held */
    size_t head_limit;
    size_t tail_limit;
    struct qpy__buf head;
    char *tail;        /* ring of tail_limit bytes, allocated when the head is full */
    size_t tail_start; /* offset of its oldest byte */
    size_t tail_length;
    uint64_t dropped;
};

void qpy__output_init(struct qpy__output *output, size_t limit);
void qpy__output_done(struct qpy__output *output);

void qpy__output_write(struct qpy__output *output, const char *data, size_t length);

/* Append what was kept to `buf`, with a line in the middle that says how much is missing. */
void qpy__output_read(struct qpy__output *output, struct qpy__buf *buf, uint64_t *ret_dropped);

#endif
