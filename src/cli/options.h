/* Options described by tables: one row serves the parser, --help and the suggestions. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_command;
struct cli_option;

/* Why a value was refused, as the end of a sentence: "must be ...". */
struct cli_problem {
    char text[256];
};

/* Check `value` and put it at `target`; false with a problem if it is not acceptable. */
typedef bool (*cli_take_fn)(const struct cli_option *option, const char *value, void *target,
                            struct cli_problem *problem);

struct cli_choice {
    const char *name;
    int value;
};

struct cli_option {
    const char *name;  /* without the dashes; NULL ends a table */
    char letter;       /* short form, or 0 */
    const char *value; /* what help calls the value; NULL: a flag */
    cli_take_fn take;  /* NULL: --help */
    size_t offset;     /* of the target in the command's settings */
    const char *help;  /* one paragraph, wrapped when printed */
    int64_t min;       /* cli_take_integer: the range */
    int64_t max;
    const struct cli_choice *choices; /* cli_take_choice: ends with a NULL name */
};

/* clang-format off */

/* Rows: an option with a value, one of several words, a number, a flag, and the last rows. */
#define CLI_VALUE(name_, value_, take_, offset_, help_)                                            \
    {.name = name_, .value = value_, .take = take_, .offset = offset_, .help = help_}
#define CLI_CHOICE(name_, value_, offset_, choices_, help_)                                        \
    {.name = name_, .value = value_, .take = cli_take_choice, .offset = offset_,                   \
     .choices = choices_, .help = help_}
#define CLI_NUMBER(name_, offset_, min_, max_, help_)                                              \
    {.name = name_, .value = "N", .take = cli_take_integer, .offset = offset_, .min = min_,        \
     .max = max_, .help = help_}
#define CLI_FLAG(name_, offset_, help_)                                                            \
    {.name = name_, .take = cli_take_flag, .offset = offset_, .help = help_}
#define CLI_HELP_AND_END                                                                           \
    {.name = "help", .letter = 'h', .help = "Show this help and exit."}, {.name = NULL}

/* clang-format on */

/* Values of a repeatable option; the strings are borrowed from argv. */
struct cli_list {
    const char **items;
    size_t count;
};

bool cli_take_flag(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem); /* bool */
bool cli_take_text(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem); /* const char * */
bool cli_take_list(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem); /* struct cli_list */
bool cli_take_env(const struct cli_option *option, const char *value, void *target,
                  struct cli_problem *problem); /* struct cli_list of NAME=value */
bool cli_take_path(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem); /* struct cli_list of existing paths */
bool cli_take_integer(const struct cli_option *option, const char *value, void *target,
                      struct cli_problem *problem); /* int64_t */
bool cli_take_seconds(const struct cli_option *option, const char *value, void *target,
                      struct cli_problem *problem); /* int64_t, milliseconds */
bool cli_take_choice(const struct cli_option *option, const char *value, void *target,
                     struct cli_problem *problem); /* int */
bool cli_take_json(const struct cli_option *option, const char *value, void *target,
                   struct cli_problem *problem); /* const char *, checked JSON */

/* cli_options_parse: go on; the positional arguments are argv[optind..argc-1]. */
#define CLI_GO_ON (-1)

/* Parse argv into `settings`. Returns CLI_GO_ON, or the status to exit with: help was shown, or a
 * usage error was reported. */
int cli_options_parse(const struct cli_command *command, int argc, char **argv, void *settings);

/* Release the lists that parsing made. */
void cli_options_free(const struct cli_command *command, void *settings);

#endif
