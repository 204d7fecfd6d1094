/* Output of one stream of a job: bounded, keeps the head and the tail, readable at any moment. */
#include "core/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

void qpy__output_init(struct qpy__output *output, size_t limit)
{
    *output = (struct qpy__output){.head_limit = limit - limit / 2, .tail_limit = limit / 2};
    pthread_mutex_init(&output->lock, NULL);
    qpy__buf_init(&output->head, output->head_limit);
}

void qpy__output_done(struct qpy__output *output)
{
    qpy__buf_done(&output->head);
    free(output->tail);
    output->tail = NULL;
    pthread_mutex_destroy(&output->lock);
}

static void ring_put(struct qpy__output *output, const char *data, size_t length)
{
    size_t end = (output->tail_start + output->tail_length) % output->tail_limit;
    size_t until_wrap = output->tail_limit - end;
    size_t first = length < until_wrap ? length : until_wrap;
    memcpy(output->tail + end, data, first);
    memcpy(output->tail, data + first, length - first);
    output->tail_length += length;
}

static void ring_forget(struct qpy__output *output, size_t length)
{
    output->tail_start = (output->tail_start + length) % output->tail_limit;
    output->tail_length -= length;
    output->dropped += length;
}

static void write_tail(struct qpy__output *output, const char *data, size_t length)
{
    if (!output->tail && output->tail_limit > 0)
        output->tail = malloc(output->tail_limit);
    if (!output->tail) {
        output->dropped += length;
        return;
    }
    if (length > output->tail_limit) {
        output->dropped += length - output->tail_limit;
        data += length - output->tail_limit;
        length = output->tail_limit;
    }
    size_t room = output->tail_limit - output->tail_length;
    if (length > room)
        ring_forget(output, length - room);
    ring_put(output, data, length);
}

void qpy__output_write(struct qpy__output *output, const char *data, size_t length)
{
    pthread_mutex_lock(&output->lock);
    size_t room = output->tail || output->dropped ? 0 : output->head_limit - output->head.length;
    size_t first = length <= room ? length : qpy__utf8_floor(data, room);
    qpy__buf_add(&output->head, data, first);
    if (output->head.failed) {
        output->dropped += first;
        output->head.failed = QPY__BUF_SOUND;
    }
    if (length > first)
        write_tail(output, data + first, length - first);
    pthread_mutex_unlock(&output->lock);
}

/* The ring may begin in the middle of a character whose start was overwritten: drop its rest. */
static size_t broken_start(const struct qpy__output *output)
{
    size_t skip = 0;
    while (skip < 3 && skip < output->tail_length &&
           ((unsigned char)output->tail[(output->tail_start + skip) % output->tail_limit] & 0xC0) ==
               0x80)
        skip++;
    return skip;
}

void qpy__output_read(struct qpy__output *output, struct qpy__buf *buf, uint64_t *ret_dropped)
{
    pthread_mutex_lock(&output->lock);
    if (output->dropped > 0 && output->tail_length > 0)
        ring_forget(output, broken_start(output));
    qpy__buf_add(buf, output->head.data, output->head.length);
    if (output->dropped > 0)
        qpy__buf_format(buf, "\n[... %" PRIu64 " bytes dropped ...]\n", output->dropped);
    if (output->tail_length > 0) {
        size_t until_wrap = output->tail_limit - output->tail_start;
        size_t first = output->tail_length < until_wrap ? output->tail_length : until_wrap;
        qpy__buf_add(buf, output->tail + output->tail_start, first);
        qpy__buf_add(buf, output->tail, output->tail_length - first);
    }
    *ret_dropped = output->dropped;
    pthread_mutex_unlock(&output->lock);
}
