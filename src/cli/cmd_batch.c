/* The command `batch`: JSON Lines of payloads in, one result line for each as it finishes. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <qntxpy/qntxpy.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/session.h"

enum { WORKERS_MAX = 256, IN_FLIGHT_PER_WORKER = 4, LINE_LIMIT = 64 * 1024 * 1024 };

struct batch_settings {
    struct cli_engine_settings engine; /* first: CLI_OPTIONS_* count on it */
    int64_t workers;
    int64_t timeout_ms;
    struct cli_list paths;
    bool summary;
};

#define AT(member) offsetof(struct batch_settings, member)

static const struct cli_option batch_options[] = {
    CLI_NUMBER("workers", AT(workers), 1, WORKERS_MAX,
               "Scripts that run at the same time, 1 to 256. Default: the number of cores."),
    CLI_VALUE("timeout", "SECONDS", cli_take_seconds, AT(timeout_ms),
              "Stop a script after so many seconds if its payload has no timeout_secs. Default: "
              "30."),
    CLI_VALUE("path", "DIR", cli_take_path, AT(paths),
              "Let scripts import from a directory, searched after the standard library. May be "
              "given again."),
    CLI_OPTIONS_STORE,
    CLI_FLAG("summary", AT(summary),
             "Print what was done in one line on standard error at the end."),
    CLI_OPTIONS_PYTHON,
    CLI_HELP_AND_END,
};

struct batch {
    qpy_engine *engine;   /* borrowed */
    qpy_context *context; /* borrowed; cancelled by Ctrl-C */
    size_t max_in_flight;

    pthread_mutex_t lock; /* guards everything below; results are written under it */
    pthread_cond_t ended; /* one more script has */
    struct cli_output output;
    size_t in_flight;
    size_t succeeded, failed, refused, attestations;
    bool engine_failed;
};

/* A line on its way through the engine. Owned by its done hook. */
struct item {
    struct batch *batch;
    char *id; /* JSON text */
};

static void free_item(struct item *item)
{
    if (!item)
        return;
    free(item->id);
    free(item);
}

static struct item *new_item(struct batch *batch, const struct cli_slice *id, size_t line_number)
{
    struct item *item = calloc(1, sizeof *item);
    if (!item)
        return NULL;
    item->batch = batch;
    if (id)
        item->id = strndup(id->data, id->length);
    else if (asprintf(&item->id, "%zu", line_number) < 0)
        item->id = NULL;
    if (item->id)
        return item;
    free(item);
    return NULL;
}

/* The lock is held. */
static void write_line(struct batch *batch, const char *id, const char *json)
{
    char *line = json ? cli_json_line(id, json) : NULL;
    if (line) {
        cli_output_write(&batch->output, line, strlen(line));
    } else {
        cli_error("out of memory for the result of %s", id);
        batch->engine_failed = true;
    }
    free(line);
}

static void on_done(void *payload, const qpy_result *result)
{
    struct item *item = payload;
    struct batch *batch = item->batch;
    pthread_mutex_lock(&batch->lock);
    write_line(batch, item->id, qpy_result_json(result));
    if (qpy_result_success(result))
        batch->succeeded++;
    else
        batch->failed++;
    batch->attestations += qpy_result_attestations(result);
    batch->in_flight--;
    pthread_cond_signal(&batch->ended);
    pthread_mutex_unlock(&batch->lock);
    free_item(item);
}

static void on_log(void *payload, const char *level, const char *message, const char *fields_json)
{
    const struct item *item = payload;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "[%.60s] ", item->id);
    cli_log_line(prefix, level, message, fields_json);
}

/* A line that never became a job. With one worker results keep the order of the lines. */
static void refuse(struct batch *batch, const struct item *item, const qpy_error *error)
{
    bool bad_line = error->status == QPY_E_PAYLOAD || error->status == QPY_E_LIMIT;
    char *json = cli_json_refused(error->message, bad_line ? "payload" : "internal");
    pthread_mutex_lock(&batch->lock);
    while (batch->max_in_flight == IN_FLIGHT_PER_WORKER && batch->in_flight > 0)
        pthread_cond_wait(&batch->ended, &batch->lock);
    write_line(batch, item->id, json);
    batch->refused++;
    if (!bad_line)
        batch->engine_failed = true;
    pthread_mutex_unlock(&batch->lock);
    free(json);
}

static void wait_until(struct batch *batch, size_t in_flight)
{
    pthread_mutex_lock(&batch->lock);
    while (batch->in_flight > in_flight)
        pthread_cond_wait(&batch->ended, &batch->lock);
    pthread_mutex_unlock(&batch->lock);
}

static void add_in_flight(struct batch *batch, size_t count)
{
    pthread_mutex_lock(&batch->lock);
    batch->in_flight += count;
    pthread_mutex_unlock(&batch->lock);
}

/* Hand a payload to the engine; from then on the item is its done hook's. */
static void submit(struct batch *batch, struct item *item, const char *line, size_t length)
{
    qpy_error error = QPY_ERROR_INIT;
    qpy_execution *execution = NULL;
    qpy_script script = QPY_SCRIPT_INIT;
    qpy_hooks hooks = QPY_HOOKS_INIT;
    hooks.payload = item;
    hooks.done = on_done;
    hooks.log = on_log;
    script.payload_json = line;
    script.payload_length = length;
    script.context = batch->context;
    script.hooks = &hooks;
    add_in_flight(batch, 1);
    if (qpy_engine_submit(batch->engine, &script, &execution, &error) == QPY_OK) {
        qpy_execution_free(execution);
        return;
    }
    add_in_flight(batch, (size_t)-1);
    refuse(batch, item, &error);
    free_item(item);
}

static bool is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

static void start_line(struct batch *batch, const char *line, size_t length, size_t number)
{
    struct cli_slice id;
    if (is_blank(line, length))
        return;
    bool has_id = cli_json_find_id(line, length, &id);
    struct item *item = new_item(batch, has_id ? &id : NULL, number);
    if (item) {
        submit(batch, item, line, length);
        return;
    }
    cli_error("line %zu: out of memory", number);
    batch->engine_failed = true;
}

static void refuse_long_line(struct batch *batch, size_t number)
{
    qpy_error error = {.status = QPY_E_LIMIT};
    struct item *item = new_item(batch, NULL, number);
    snprintf(error.message, sizeof error.message,
             "invalid payload: line %zu is longer than %d bytes", number, LINE_LIMIT);
    if (item)
        refuse(batch, item, &error);
    free_item(item);
}

/* All lines of the input; ends early when interrupted. */
static enum cli_read read_lines(struct batch *batch, struct cli_input *input)
{
    for (size_t number = 1;; number++) {
        const char *line;
        size_t length;
        wait_until(batch, batch->max_in_flight - 1);
        enum cli_read got = cli_input_line(input, LINE_LIMIT, &line, &length);
        if (got == CLI_READ_DATA)
            start_line(batch, line, length, number);
        else if (got == CLI_READ_TOO_LONG)
            refuse_long_line(batch, number);
        else
            return got;
    }
}

static void print_summary(const struct batch *batch, const struct timespec *started)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds =
        (double)(now.tv_sec - started->tv_sec) + (double)(now.tv_nsec - started->tv_nsec) / 1e9;
    fprintf(stderr,
            "%zu jobs: %zu succeeded, %zu failed, %zu not accepted; %zu attestations; "
            "%.3f s\n",
            batch->succeeded + batch->failed + batch->refused, batch->succeeded, batch->failed,
            batch->refused, batch->attestations, seconds);
}

static int exit_of(struct batch *batch, enum cli_read end)
{
    int status = cli_output_status(&batch->output);
    if (status)
        return status;
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    if (end == CLI_READ_FAILED)
        return CLI_USAGE;
    if (batch->engine_failed)
        return CLI_ENGINE;
    return batch->failed + batch->refused > 0 ? CLI_SCRIPT_FAILED : CLI_OK;
}

static int process(struct batch *batch, struct cli_input *input, bool summary)
{
    struct timespec started;
    clock_gettime(CLOCK_MONOTONIC, &started);
    enum cli_read end = read_lines(batch, input);
    wait_until(batch, 0);
    if (summary)
        print_summary(batch, &started);
    return exit_of(batch, end);
}

static int64_t core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores > WORKERS_MAX ? WORKERS_MAX : cores;
}

static int run_batch(struct batch *batch, const struct batch_settings *settings,
                     struct cli_input *input)
{
    struct cli_session session = CLI_SESSION_INIT;
    int64_t workers = settings->workers == QPY_DEFAULT ? core_count() : settings->workers;
    qpy_engine_options options = cli_engine_options(&settings->engine);
    options.workers = (int)workers;
    options.payload_limit = LINE_LIMIT;
    options.timeout_ms = settings->timeout_ms;
    options.python_paths = (qpy_strings){settings->paths.items, settings->paths.count};
    batch->max_in_flight = (size_t)workers * IN_FLIGHT_PER_WORKER;
    if (!cli_output_claim(&batch->output))
        return CLI_ENGINE;
    int status = cli_session_open(&settings->engine, &options, &session);
    if (status == CLI_OK) {
        batch->engine = session.engine;
        status = process(batch, input, settings->summary);
    }
    cli_session_close(&session, status);
    return status;
}

/* Everything from here on can be interrupted. */
static int run_watched(const struct batch_settings *settings, const char *path)
{
    struct batch batch = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    struct cli_input input;
    qpy_error error = QPY_ERROR_INIT;
    if (!cli_input_open(&input, path))
        return CLI_USAGE;
    int status = CLI_ENGINE;
    if (qpy_context_new(QPY_DEFAULT, &batch.context, &error) != QPY_OK) {
        status = cli_library_error(&error);
        goto out;
    }
    if (!cli_interrupt_start(batch.context))
        goto out;
    status = run_batch(&batch, settings, &input);
    cli_interrupt_stop();
out:
    qpy_context_free(batch.context);
    cli_input_close(&input);
    return status;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct batch_settings settings = {
        .engine = CLI_ENGINE_SETTINGS_INIT, .workers = QPY_DEFAULT, .timeout_ms = QPY_DEFAULT};
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status == CLI_GO_ON) {
        if (argc - optind > 1)
            status = cli_usage_error(self, "batch takes one file, but got '%s' and '%s'",
                                     argv[optind], argv[optind + 1]);
        else
            status = run_watched(&settings, argc > optind ? argv[optind] : "-");
    }
    cli_options_free(self, &settings);
    return status;
}

const struct cli_command cli_command_batch = {
    .name = "batch",
    .synopsis = "[OPTIONS] [FILE|-]",
    .summary = "Run many payloads, one JSON object per line",
    .description =
        "Read python.script payloads as JSON Lines from FILE or standard input, run them in one "
        "engine, and print one JSON object per payload as it finishes: the result as 'run --json' "
        "gives it, with id put first. The id is the payload's own id if that is a string or a "
        "number, else the number of the line.\n"
        "A payload has script_code and may have script_type, input, upstream_attestation, "
        "timeout_secs, capture_variables, python_paths, env, glyph_id and attest. A line that is "
        "no payload gives a result with error_kind payload, and the rest go on. Empty lines are "
        "skipped. With --workers 1 results come in the order of the lines.\n"
        "Input is only read as fast as scripts finish. Ctrl-C cancels what runs and prints those "
        "results; a second Ctrl-C quits at once.",
    .options = batch_options,
    .examples = "  qntxpy batch --workers 4 --store qntx.db jobs.jsonl > results.jsonl\n"
                "  echo '{\"id\": \"a\", \"script_code\": \"_result = 1\"}' | qntxpy batch\n",
    .exits = "  0    every script succeeded\n"
             "  1    a script failed or a line was no payload\n"
             "  2    wrong usage, or the input could not be read\n"
             "  125  the engine or the store failed, or output could not be written\n"
             "  130  interrupted by Ctrl-C or SIGTERM\n"
             "  141  the reader of standard output went away\n",
    .run = run,
};
