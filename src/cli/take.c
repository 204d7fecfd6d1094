/* The kinds of option values: how each is checked and where it is put. */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/parse.h"

/* Bytes shown before the place where JSON goes wrong. */
enum { CONTEXT = 20 };

static bool refuse(struct cli_problem *problem, const char *must, const char *value)
{
    snprintf(problem->text, sizeof problem->text, "must be %.150s, not '%.60s'", must, value);
    return false;
}

bool cli_take_flag(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem)
{
    (void)option, (void)value, (void)problem;
    *(bool *)target = true;
    return true;
}

bool cli_take_text(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem)
{
    (void)option;
    if (!value[0]) {
        snprintf(problem->text, sizeof problem->text, "must not be empty");
        return false;
    }
    *(const char **)target = value;
    return true;
}

bool cli_take_list(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem)
{
    (void)option;
    struct cli_list *list = target;
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) {
        snprintf(problem->text, sizeof problem->text, "cannot be kept: out of memory");
        return false;
    }
    items[list->count] = value;
    *list = (struct cli_list){items, list->count + 1};
    return true;
}

bool cli_take_env(const struct cli_option *option, const char *value, void *target,
                  struct cli_problem *problem)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value)
        return refuse(problem, "NAME=VALUE", value);
    return cli_take_list(option, value, target, problem);
}

bool cli_take_path(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem)
{
    if (access(value, F_OK) == 0)
        return cli_take_list(option, value, target, problem);
    snprintf(problem->text, sizeof problem->text, "cannot use '%.150s': %s", value,
             strerror(errno));
    return false;
}

bool cli_take_integer(const struct cli_option *option, const char *value, void *target,
                      struct cli_problem *problem)
{
    char must[128];
    if (cli_parse_integer(value, option->min, option->max, (int64_t *)target))
        return true;
    snprintf(must, sizeof must, "a whole number from %lld to %lld", (long long)option->min,
             (long long)option->max);
    return refuse(problem, must, value);
}

bool cli_take_seconds(const struct cli_option *option, const char *value, void *target,
                      struct cli_problem *problem)
{
    (void)option;
    if (cli_parse_seconds(value, (int64_t *)target))
        return true;
    return refuse(problem, "a number of seconds above 0 and at most 1000000000", value);
}

bool cli_take_choice(const struct cli_option *option, const char *value, void *target,
                     struct cli_problem *problem)
{
    for (const struct cli_choice *choice = option->choices; choice->name; choice++) {
        if (strcmp(choice->name, value) != 0)
            continue;
        *(int *)target = choice->value;
        return true;
    }
    char must[128];
    snprintf(must, sizeof must, "one of %s", option->value);
    return refuse(problem, must, value);
}

bool cli_take_json(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem)
{
    (void)option;
    size_t position;
    if (cli_json_valid(value, &position)) {
        *(const char **)target = value;
        return true;
    }
    size_t start = position > CONTEXT ? position - CONTEXT : 0;
    snprintf(problem->text, sizeof problem->text, "is not valid JSON: %s at byte %zu, in '%.60s'",
             value[position] ? "it goes wrong" : "it breaks off", position + 1, value + start);
    return false;
}
