/* Parses a command's arguments with getopt_long, driven by the command's table of options. */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/text.h"

/* Codes of long options start above every letter. */
enum { OPTIONS_MAX = 32, FIRST_CODE = 256 };

struct getopt_tables {
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 2];
};

static void describe(const struct cli_option *options, struct getopt_tables *tables)
{
    size_t used = 0;
    memset(tables, 0, sizeof *tables);
    tables->shorts[used++] = ':';
    for (size_t i = 0; options[i].name && i < OPTIONS_MAX; i++) {
        int has_value = options[i].value ? required_argument : no_argument;
        tables->longs[i] = (struct option){options[i].name, has_value, NULL, FIRST_CODE + (int)i};
        if (!options[i].letter)
            continue;
        tables->shorts[used++] = options[i].letter;
        if (options[i].value)
            tables->shorts[used++] = ':';
    }
}

static const struct cli_option *option_of(const struct cli_option *options, int code)
{
    if (code >= FIRST_CODE)
        return &options[code - FIRST_CODE];
    for (; options->name; options++)
        if (options->letter == code)
            return options;
    return NULL;
}

static const char *nearest_option(const struct cli_option *options, const char *name)
{
    const char *nearest = NULL;
    size_t best = cli_text_near(name) + 1;
    for (; options->name; options++) {
        size_t distance = cli_text_distance(options->name, name);
        if (distance < best) {
            best = distance;
            nearest = options->name;
        }
    }
    return nearest;
}

/* The names that start like `name`, as ", --a, --b"; returns how many there are. */
static size_t options_like(const struct cli_option *options, const char *name, char *names,
                           size_t size)
{
    size_t count = 0, used = 0, length = strlen(name);
    names[0] = '\0';
    for (; options->name; options++) {
        if (length == 0 || strncmp(options->name, name, length) != 0 || used >= size)
            continue;
        used += (size_t)snprintf(names + used, size - used, ", --%s", options->name);
        count++;
    }
    return count;
}

static int complain_unknown(const struct cli_command *command, const char *argument)
{
    char name[64], names[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    if (options_like(command->options, name, names, sizeof names) > 1)
        return cli_usage_error(command, "option '--%s' is ambiguous: it may mean %s", name,
                               names + 2);
    const char *nearest = nearest_option(command->options, name);
    if (nearest)
        return cli_usage_error(command, "%s: unknown option '--%s'; did you mean '--%s'?",
                               command->name, name, nearest);
    return cli_usage_error(command, "%s: unknown option '--%s'", command->name, name);
}

static int complain(const struct cli_command *command, int code, const char *argument)
{
    const struct cli_option *option = optopt ? option_of(command->options, optopt) : NULL;
    if (code == ':' && option)
        return cli_usage_error(command, "--%s needs a value: %s", option->name, option->value);
    if (option)
        return cli_usage_error(command, "--%s takes no value", option->name);
    if (optopt)
        return cli_usage_error(command, "%s: unknown option '-%c'", command->name, optopt);
    return complain_unknown(command, argument);
}

static int take(const struct cli_command *command, const struct cli_option *option, void *settings)
{
    struct cli_problem problem = {""};
    if (option->take(option, optarg, (char *)settings + option->offset, &problem))
        return CLI_GO_ON;
    return cli_usage_error(command, "--%s %s", option->name, problem.text);
}

int cli_options_parse(const struct cli_command *command, int argc, char **argv, void *settings)
{
    struct getopt_tables tables;
    describe(command->options, &tables);
    opterr = 0;
    optind = 1;
    int code;
    while ((code = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
        if (code == '?' || code == ':')
            return complain(command, code, argv[optind - 1]);
        const struct cli_option *option = option_of(command->options, code);
        if (!option->take)
            return cli_help_command(command);
        int status = take(command, option, settings);
        if (status != CLI_GO_ON)
            return status;
    }
    return CLI_GO_ON;
}

static bool is_list(const struct cli_option *option)
{
    return option->take == cli_take_list || option->take == cli_take_env ||
           option->take == cli_take_path;
}

void cli_options_free(const struct cli_command *command, void *settings)
{
    for (const struct cli_option *option = command->options; option->name; option++) {
        if (!is_list(option))
            continue;
        struct cli_list *list = (struct cli_list *)((char *)settings + option->offset);
        free(list->items);
        *list = (struct cli_list){NULL, 0};
    }
}
