/* What a command of the CLI is, the exit statuses, and how commands report errors. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>

#include <qntxpy/status.h>

#include "cli/options.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_SCRIPT_FAILED = 1,
    CLI_USAGE = 2,
    CLI_TIMEOUT = 124,
    CLI_ENGINE = 125,
    CLI_INTERRUPTED = 130,
    CLI_BROKEN_PIPE = 141 /* what a shell shows for a program that SIGPIPE ended */
};

struct cli_command {
    const char *name;
    const char *synopsis;             /* what follows the name in the usage line */
    const char *summary;              /* one line for the list of commands */
    const char *description;          /* paragraphs, each one line, wrapped when printed */
    const struct cli_option *options; /* ends with a NULL name */
    const char *examples;             /* lines printed as they are, or NULL */
    const char *exits;                /* lines printed as they are */
    int (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_command cli_command_run;
extern const struct cli_command cli_command_batch;
extern const struct cli_command cli_command_attestations;
extern const struct cli_command cli_command_info;
extern const struct cli_command cli_command_version;
extern const struct cli_command cli_command_help;

/* All commands in the order help shows them; ends with NULL. */
extern const struct cli_command *const cli_commands[];

/* The command of this name, or NULL. */
const struct cli_command *cli_command_find(const char *name);

/* The command whose name is nearest to a mistyped one, or NULL if none is near. */
const struct cli_command *cli_command_nearest(const char *name);

/* "qntxpy: <message>" on stderr. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, followed by where to read more. Returns CLI_USAGE. */
int cli_usage_error(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Print an error of the library with its hint; returns the exit status that fits it. */
int cli_library_error(const qpy_error *error);

#endif
