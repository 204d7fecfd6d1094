/* The command `attestations`: what scripts have stored, as a table or as JSON. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qntxpy/store.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/when.h"

enum { LIMIT_DEFAULT = 50 };

struct attestations_settings {
    const char *store;
    struct cli_list subjects, predicates, contexts, actors;
    int64_t since_ms, until_ms;
    int64_t limit;
    bool json, jsonl;
};

#define AT(member) offsetof(struct attestations_settings, member)

static const struct cli_option attestations_options[] = {
    CLI_VALUE("store", "PATH", cli_take_text, AT(store),
              "SQLite database to read, of qntxpy or of QNTX. Required; it is never created or "
              "changed."),
    CLI_VALUE("subject", "TEXT", cli_take_list, AT(subjects),
              "Only attestations with this subject. Given again: with any of them."),
    CLI_VALUE("predicate", "TEXT", cli_take_list, AT(predicates),
              "Only attestations with this predicate. Given again: with any of them."),
    CLI_VALUE("context", "TEXT", cli_take_list, AT(contexts),
              "Only attestations with this context. Given again: with any of them."),
    CLI_VALUE("actor", "TEXT", cli_take_list, AT(actors),
              "Only attestations by this actor. Given again: by any of them."),
    CLI_VALUE("since", "TIME", cli_take_since, AT(since_ms),
              "Only claims made at this time or later."),
    CLI_VALUE("until", "TIME", cli_take_until, AT(until_ms),
              "Only claims made at this time or earlier; a date means the end of that day."),
    CLI_NUMBER("limit", AT(limit), 0, 1000000000, "At most so many; 0 means none. Default: 50."),
    CLI_FLAG("json", AT(json), "Print one JSON array."),
    CLI_FLAG("jsonl", AT(jsonl), "Print JSON Lines: one JSON object per attestation."),
    CLI_HELP_AND_END,
};

static const struct cli_column columns[] = {
    {"TIME", 20, false}, {"SUBJECTS", 8, false},  {"PREDICATES", 8, false}, {"CONTEXTS", 8, false},
    {"ACTORS", 4, true}, {"ATTRIBUTES", 4, true}, {"ID", 4, true},
};

enum { COLUMN_COUNT = sizeof columns / sizeof columns[0] };

/* A query on its way. */
struct listing {
    int64_t limit;
    int64_t count;
    bool more;     /* the store has more than `limit` */
    bool as_array; /* JSON: commas between the objects */
    bool failed;
    qpy_error error;
    struct cli_table table;
};

static qpy_strings strings_of(const struct cli_list *list)
{
    return (qpy_strings){list->items, list->count};
}

/* "a, b"; the caller frees it. */
static char *join(const qpy_strings *strings)
{
    size_t length = 1;
    for (size_t i = 0; i < strings->count; i++)
        length += strlen(strings->items[i]) + 2;
    char *text = malloc(length), *at = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < strings->count; i++) {
        if (i > 0)
            at = mempcpy(at, ", ", 2);
        at = mempcpy(at, strings->items[i], strlen(strings->items[i]));
    }
    *at = '\0';
    return text;
}

static bool add_row(struct listing *listing, const qpy_attestation *attestation)
{
    char when[CLI_WHEN_SIZE];
    char *subjects = join(&attestation->subjects), *predicates = join(&attestation->predicates);
    char *contexts = join(&attestation->contexts), *actors = join(&attestation->actors);
    const char *attributes = attestation->attributes_json ? attestation->attributes_json : "";
    cli_when_format(attestation->timestamp_ms, when);
    const char *cells[COLUMN_COUNT] = {when,   subjects,   predicates,     contexts,
                                       actors, attributes, attestation->id};
    bool added =
        subjects && predicates && contexts && actors && cli_table_add(&listing->table, cells);
    free(subjects);
    free(predicates);
    free(contexts);
    free(actors);
    return added;
}

/* One more than the limit is asked for, to learn whether there are more. */
static bool within_limit(struct listing *listing)
{
    listing->more = listing->count == listing->limit;
    return listing->count++ < listing->limit;
}

static bool on_table_row(void *payload, const qpy_attestation *attestation)
{
    struct listing *listing = payload;
    if (!within_limit(listing))
        return false;
    listing->failed = !add_row(listing, attestation);
    return !listing->failed;
}

static bool on_json(void *payload, const qpy_attestation *attestation)
{
    struct listing *listing = payload;
    char *json = NULL;
    if (!within_limit(listing))
        return false;
    listing->failed = qpy_attestation_to_json(attestation, &json, &listing->error) != QPY_OK;
    if (listing->failed)
        return false;
    if (listing->as_array && listing->count > 1)
        fputs(",\n", stdout);
    fputs(json, stdout);
    if (!listing->as_array)
        fputc('\n', stdout);
    qpy_free(json);
    return !ferror(stdout);
}

static int print_table(const struct listing *listing)
{
    if (!cli_table_print(&listing->table, stdout, cli_terminal_width(STDOUT_FILENO))) {
        cli_error("out of memory for the table");
        return CLI_ENGINE;
    }
    int status = cli_stdout_status();
    if (status == CLI_OK && listing->more && listing->limit > 0)
        cli_error("only the newest %lld are shown; --limit N shows more",
                  (long long)listing->limit);
    return status;
}

static int query(qpy_store *store, const struct attestations_settings *settings,
                 struct listing *listing)
{
    qpy_filter filter = QPY_FILTER_INIT;
    filter.subjects = strings_of(&settings->subjects);
    filter.predicates = strings_of(&settings->predicates);
    filter.contexts = strings_of(&settings->contexts);
    filter.actors = strings_of(&settings->actors);
    filter.since_ms = settings->since_ms;
    filter.until_ms = settings->until_ms;
    filter.limit = settings->limit + 1;
    qpy_attestation_fn fn = settings->json || settings->jsonl ? on_json : on_table_row;
    if (qpy_store_query(store, &filter, fn, listing, &listing->error) != QPY_OK)
        return cli_library_error(&listing->error);
    if (!listing->failed)
        return CLI_OK;
    if (listing->error.status != QPY_OK)
        return cli_library_error(&listing->error);
    cli_error("out of memory for the attestations");
    return CLI_ENGINE;
}

static int print(qpy_store *store, const struct attestations_settings *settings)
{
    struct listing listing = {
        .limit = settings->limit, .as_array = settings->json, .error = QPY_ERROR_INIT};
    cli_table_init(&listing.table, columns, COLUMN_COUNT);
    if (settings->json)
        fputc('[', stdout);
    int status = query(store, settings, &listing);
    if (settings->json)
        fputs("]\n", stdout);
    if (status == CLI_OK)
        status = settings->json || settings->jsonl ? cli_stdout_status() : print_table(&listing);
    cli_table_free(&listing.table);
    return status;
}

static int check(const struct cli_command *self, const struct attestations_settings *settings,
                 int argc, char **argv)
{
    if (argc > optind)
        return cli_usage_error(self, "attestations takes no argument, but got '%s'", argv[optind]);
    if (!settings->store)
        return cli_usage_error(self, "attestations needs --store PATH");
    if (settings->json && settings->jsonl)
        return cli_usage_error(self, "give either --json or --jsonl, not both");
    return CLI_OK;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    qpy_store *store = NULL;
    struct attestations_settings settings = {
        .since_ms = QPY_DEFAULT, .until_ms = QPY_DEFAULT, .limit = LIMIT_DEFAULT};
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status != CLI_GO_ON)
        goto out;
    status = check(self, &settings, argc, argv);
    if (status == CLI_OK)
        status = cli_store_open_existing(settings.store, &store);
    if (status == CLI_OK)
        status = print(store, &settings);
out:
    qpy_store_close(store);
    cli_options_free(self, &settings);
    return status;
}

const struct cli_command cli_command_attestations = {
    .name = "attestations",
    .synopsis = "--store PATH [OPTIONS]",
    .summary = "Show what scripts have attested",
    .description =
        "Show the attestations of a store, newest first, as a table or as JSON. Different options "
        "must all match; texts are compared as a whole, without regard to case in ASCII.\n"
        "TIME is RFC 3339 (2026-01-31T09:30:00Z), a date in UTC (2026-01-31), or how long ago "
        "(90s, 15m, 2h, 3d, 1w).\n"
        "On a terminal the table is cut to fit; in a pipe or file nothing is cut.",
    .options = attestations_options,
    .examples = "  qntxpy attestations --store qntx.db --since 2h\n"
                "  qntxpy attestations --store qntx.db --predicate installed --json | jq length\n",
    .exits = "  0    the query was carried out, even if nothing matches\n"
             "  2    wrong usage, or there is no such store\n"
             "  125  the store failed, or output could not be written\n"
             "  141  the reader of standard output went away\n",
    .run = run,
};
