/* The command `run`: one script, its output live, its result as exit status or JSON. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <qntxpy/qntxpy.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/session.h"

enum { SCRIPT_LIMIT = 8 * 1024 * 1024 };

struct run_settings {
    struct cli_engine_settings engine; /* first: CLI_OPTIONS_* count on it */
    const char *code;
    const char *input_json;
    const char *upstream_json;
    const char *script_type;
    const char *glyph;
    int64_t timeout_ms;
    struct cli_list paths;
    struct cli_list env;
    bool json;
    bool progress;
    bool capture_variables;
};

#define AT(member) offsetof(struct run_settings, member)

static const struct cli_option run_options[] = {
    {.name = "code",
     .letter = 'c',
     .value = "SOURCE",
     .take = cli_take_text,
     .offset = AT(code),
     .help = "Run this Python source instead of a file."},
    CLI_VALUE("input", "JSON", cli_take_json, AT(input_json),
              "Input of the job, which the script reads as qntx.job.input."),
    CLI_VALUE("upstream", "JSON", cli_take_json, AT(upstream_json),
              "Attestation that caused the job; the script sees it as upstream."),
    CLI_VALUE("type", "TEXT", cli_take_text, AT(script_type),
              "Label of the script, such as csv: qntx.job.script_type."),
    CLI_VALUE("glyph", "ID", cli_take_text, AT(glyph), "Attest as the actor glyph:ID."),
    CLI_VALUE("env", "NAME=VALUE", cli_take_env, AT(env),
              "Set a variable in the script's os.environ. May be given again."),
    CLI_VALUE("path", "DIR", cli_take_path, AT(paths),
              "Put a directory in front of sys.path. May be given again; the first is searched "
              "first."),
    CLI_VALUE("timeout", "SECONDS", cli_take_seconds, AT(timeout_ms),
              "Stop the script after so many seconds, such as 2.5. Default: 30."),
    CLI_OPTIONS_STORE,
    CLI_FLAG("json", AT(json),
             "Print one JSON object with the result, the output and the error, and nothing else, "
             "on standard output."),
    CLI_FLAG("capture-variables", AT(capture_variables),
             "Add the script's global variables to the JSON object."),
    CLI_FLAG("progress", AT(progress),
             "Report progress on standard error even if that is no terminal, one line each."),
    CLI_OPTIONS_PYTHON,
    CLI_HELP_AND_END,
};

static qpy_strings strings_of(const struct cli_list *list)
{
    return (qpy_strings){list->items, list->count};
}

/* The source is exactly one of --code and FILE. Returns 0 or a status to exit with. */
static int check_source(const struct cli_command *self, const struct run_settings *settings,
                        int argc, char **argv)
{
    if (argc - optind > 1)
        return cli_usage_error(self, "run takes one script, but got '%s' and '%s'", argv[optind],
                               argv[optind + 1]);
    if (settings->code && argc > optind)
        return cli_usage_error(self, "give either --code or a file, not both: '%s'", argv[optind]);
    if (!settings->code && argc == optind)
        return cli_usage_error(self, "run needs a script: FILE, - or --code SOURCE");
    return CLI_OK;
}

static int load_file(struct cli_input *input, const char *path, qpy_script *script)
{
    if (!cli_input_open(input, path))
        return CLI_USAGE;
    switch (cli_input_all(input, SCRIPT_LIMIT, &script->code, &script->code_length)) {
    case CLI_READ_DATA:
        break;
    case CLI_READ_STOPPED:
        return CLI_INTERRUPTED;
    case CLI_READ_TOO_LONG:
        cli_error("script '%s' is larger than the limit of %d bytes", input->name, SCRIPT_LIMIT);
        return CLI_USAGE;
    default:
        return CLI_USAGE;
    }
    script->file = strcmp(path, "-") == 0 ? NULL : path;
    return CLI_OK;
}

static void describe_script(const struct run_settings *settings, qpy_script *script)
{
    script->input_json = settings->input_json;
    script->upstream_json = settings->upstream_json;
    script->script_type = settings->script_type;
    script->glyph_id = settings->glyph;
    script->timeout_ms = settings->timeout_ms;
    script->capture_variables = settings->capture_variables ? 1 : QPY_DEFAULT;
    script->python_paths = strings_of(&settings->paths);
    script->env = strings_of(&settings->env);
}

static int exit_of_result(const qpy_result *result)
{
    static const struct cli_choice exits[] = {
        {"timeout", CLI_TIMEOUT}, {"payload", CLI_USAGE}, {"internal", CLI_ENGINE}, {NULL, 0}};
    const char *kind = qpy_result_error_kind(result);
    if (qpy_result_success(result))
        return CLI_OK;
    if (cli_interrupted() && kind && strcmp(kind, "cancelled") == 0)
        return CLI_INTERRUPTED;
    for (const struct cli_choice *choice = exits; kind && choice->name; choice++)
        if (strcmp(kind, choice->name) == 0)
            return choice->value;
    return CLI_SCRIPT_FAILED;
}

static void print_error(const char *error)
{
    size_t length = error ? strlen(error) : 0;
    if (length == 0)
        return;
    cli_stderr_write(error, length);
    if (error[length - 1] != '\n')
        cli_stderr_write("\n", 1);
}

static int report(const qpy_result *result, bool json, struct cli_output *output)
{
    if (json) {
        const char *text = qpy_result_json(result);
        cli_output_write(output, text, strlen(text));
        cli_output_write(output, "\n", 1);
    }
    int status = cli_output_status(output);
    if (status == CLI_BROKEN_PIPE)
        return status;
    if (!json)
        print_error(qpy_result_error(result));
    return status ? status : exit_of_result(result);
}

static int run_script(const struct run_settings *settings, const qpy_script *source)
{
    qpy_script script = *source;
    struct cli_session session = CLI_SESSION_INIT;
    struct cli_output output;
    struct cli_live live;
    qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;

    cli_output_plain(&output);
    if (settings->json && !cli_output_claim(&output))
        return CLI_ENGINE;
    cli_live_init(&live, &output, settings->progress);
    qpy_hooks hooks = cli_live_hooks(&live, !settings->json);
    script.hooks = &hooks;

    qpy_engine_options options = cli_engine_options(&settings->engine);
    options.workers = 1;
    options.script_limit = SCRIPT_LIMIT;
    int status = cli_session_open(&settings->engine, &options, &session);
    if (status != CLI_OK)
        goto out;
    if (qpy_engine_run(session.engine, &script, &result, &error) != QPY_OK) {
        cli_live_clear(&live);
        status = cli_library_error(&error);
        goto out;
    }
    cli_live_clear(&live);
    status = report(result, settings->json, &output);
out:
    qpy_result_free(result);
    cli_session_close(&session, status);
    return status;
}

/* Everything from here on can be interrupted. */
static int run_watched(const struct run_settings *settings, const char *path)
{
    qpy_script script = QPY_SCRIPT_INIT;
    struct cli_input input = {.fd = -1};
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_context_new(QPY_DEFAULT, &script.context, &error) != QPY_OK)
        return cli_library_error(&error);
    if (!cli_interrupt_start(script.context)) {
        qpy_context_free(script.context);
        return CLI_ENGINE;
    }
    describe_script(settings, &script);
    script.code = settings->code;
    script.code_length = settings->code ? strlen(settings->code) : 0;
    int status = path ? load_file(&input, path, &script) : CLI_OK;
    if (status == CLI_OK)
        status = run_script(settings, &script);
    cli_input_close(&input);
    cli_interrupt_stop();
    qpy_context_free(script.context);
    return status;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct run_settings settings = {.engine = CLI_ENGINE_SETTINGS_INIT, .timeout_ms = QPY_DEFAULT};
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status == CLI_GO_ON)
        status = check_source(self, &settings, argc, argv);
    else
        goto out;
    if (status == CLI_OK)
        status = run_watched(&settings, argv[optind]);
out:
    cli_options_free(self, &settings);
    return status;
}

const struct cli_command cli_command_run = {
    .name = "run",
    .synopsis = "[OPTIONS] FILE|-",
    .summary = "Run one script",
    .description =
        "Run one Python script in a sub-interpreter, as a python.script job. FILE - reads the "
        "source from standard input.\n"
        "What the script prints appears at once; its traceback and its log records go to standard "
        "error, and so does its progress on a terminal. The script's result (_result, or what "
        "main() returns) is only printed with --json.\n"
        "Ctrl-C stops the script and still reports its result; a second Ctrl-C quits at once.",
    .options = run_options,
    .examples = "  qntxpy run report.py\n"
                "  qntxpy run --store qntx.db --input '{\"file\": \"a.csv\"}' ingest.py\n"
                "  qntxpy run --json -c '_result = 6 * 7' | jq .result\n"
                "  curl -s https://example.org/job.py | qntxpy run --timeout 5 -\n",
    .exits = "  0    the script succeeded\n"
             "  1    the script failed; sys.exit(n) too (--json has exit_code)\n"
             "  2    wrong usage or bad input\n"
             "  124  the script ran into its timeout\n"
             "  125  the engine or the store failed, or output could not be written\n"
             "  130  interrupted by Ctrl-C or SIGTERM\n"
             "  141  the reader of standard output went away\n",
    .run = run,
};
