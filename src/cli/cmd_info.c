/* The command `info`: what this engine is, can do and refuses, for a person or as JSON. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <qntxpy/engine.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"

enum { LABEL_WIDTH = 24, LINE_WIDTH = 80, DEPTH_MAX = 8 };

struct info_settings {
    struct cli_engine_settings engine; /* first: CLI_OPTIONS_* count on it */
    bool json;
};

static const struct cli_option info_options[] = {
    CLI_FLAG("json", offsetof(struct info_settings, json),
             "Print the JSON object of the library as it is."),
    CLI_VALUE("store", "PATH", cli_take_text, CLI_ENGINE_AT(store),
              "Describe this SQLite database too; it is opened for reading and must exist."),
    CLI_OPTIONS_PYTHON,
    CLI_HELP_AND_END,
};

static void print_members(const cJSON *parent, int depth);

/* "creation_lock" -> "creation lock"; members of lists have no name. */
static int print_label(const char *name, int depth)
{
    int used = printf("%*s", 2 * depth, "");
    for (; name && *name; name++, used++)
        putchar(*name == '_' ? ' ' : *name);
    return used;
}

static void print_text(const char *text, int indent)
{
    char *clean = cli_text_clean(text);
    cli_text_wrap(stdout, clean && clean[0] ? clean : "-", (size_t)indent, LINE_WIDTH);
    free(clean);
}

static void print_scalar(const cJSON *item, int indent)
{
    if (cJSON_IsString(item)) {
        print_text(item->valuestring, indent);
        return;
    }
    if (cJSON_IsBool(item) || cJSON_IsNull(item)) {
        puts(cJSON_IsTrue(item) ? "yes" : cJSON_IsFalse(item) ? "no" : "-");
        return;
    }
    char *number = cJSON_PrintUnformatted(item);
    puts(number ? number : "?");
    cJSON_free(number);
}

static bool is_group(const cJSON *item)
{
    return (cJSON_IsObject(item) || cJSON_IsArray(item)) && item->child;
}

static void print_entry(const cJSON *item, int depth)
{
    if (!item->string) { /* an element of a list */
        print_label(is_group(item) ? "-\n" : "- ", depth);
        if (is_group(item))
            print_members(item, depth + 1);
        else
            print_scalar(item, 2 * depth + 2);
        return;
    }
    int used = print_label(item->string, depth);
    if (is_group(item)) {
        puts(":");
        print_members(item, depth + 1);
        return;
    }
    int indent = used < LABEL_WIDTH ? LABEL_WIDTH : used + 1;
    printf("%*s", indent - used, "");
    if (cJSON_IsObject(item) || cJSON_IsArray(item))
        puts("none");
    else
        print_scalar(item, indent);
}

static void print_members(const cJSON *parent, int depth)
{
    const cJSON *item;
    if (depth > DEPTH_MAX)
        return;
    cJSON_ArrayForEach (item, parent)
        print_entry(item, depth);
}

/* Plain values first, then each group under its own heading. */
static void print_object(const cJSON *object)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, object)
        if (!is_group(item))
            print_entry(item, 0);
    cJSON_ArrayForEach (item, object) {
        if (!is_group(item))
            continue;
        putchar('\n');
        print_entry(item, 0);
    }
}

static int print_info(const char *json, bool raw)
{
    cJSON *object = raw ? NULL : cJSON_Parse(json);
    if (object)
        print_object(object);
    else
        puts(json);
    cJSON_Delete(object);
    return cli_stdout_status();
}

static int describe(qpy_engine *engine, bool raw)
{
    char *json = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_engine_warm(engine, QPY_DEFAULT, &error) != QPY_OK ||
        qpy_engine_info(engine, &json, &error) != QPY_OK)
        return cli_library_error(&error);
    int status = print_info(json, raw);
    qpy_free(json);
    return status;
}

static int run_info(const struct info_settings *settings)
{
    struct cli_session session = CLI_SESSION_INIT;
    qpy_engine_options options = cli_engine_options(&settings->engine);
    options.workers = 1;
    int status = CLI_OK;
    if (settings->engine.store)
        status = cli_store_open_existing(settings->engine.store, &session.store);
    if (status == CLI_OK)
        status = cli_session_open(&settings->engine, &options, &session);
    if (status == CLI_OK)
        status = describe(session.engine, settings->json);
    cli_session_close(&session, status);
    return status;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct info_settings settings = {.engine = CLI_ENGINE_SETTINGS_INIT};
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status != CLI_GO_ON)
        return status;
    if (argc > optind)
        return cli_usage_error(self, "info takes no argument, but got '%s'", argv[optind]);
    return run_info(&settings);
}

const struct cli_command cli_command_info = {
    .name = "info",
    .synopsis = "[OPTIONS]",
    .summary = "Show versions, modes, limits and costs of the engine",
    .description =
        "Open an engine, let it make an interpreter, and show what it is: versions, the GIL mode "
        "and why, what is blocked or refused and why, search paths, store and counters.",
    .options = info_options,
    .examples = "  qntxpy info\n"
                "  qntxpy info --gil own --json | jq .\n",
    .exits = "  0    the information was shown\n"
             "  2    wrong usage, or what was asked for is not available here\n"
             "  125  the engine or the store failed, or output could not be written\n"
             "  141  the reader of standard output went away\n",
    .run = run,
};
