/* Errors as every command prints them, and the lookup of commands by name. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

void cli_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("qntxpy: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int cli_usage_error(const struct cli_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("qntxpy: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (command)
        fprintf(stderr, "\nUsage: qntxpy %s %s\nSee 'qntxpy %s --help'.\n", command->name,
                command->synopsis, command->name);
    else
        fputs("\nUsage: qntxpy COMMAND [OPTIONS]\nSee 'qntxpy --help'.\n", stderr);
    return CLI_USAGE;
}

static int exit_of(qpy_status status)
{
    switch (status) {
    case QPY_E_ARGUMENT:
    case QPY_E_UNSUPPORTED:
    case QPY_E_PAYLOAD:
    case QPY_E_LIMIT:
        return CLI_USAGE;
    case QPY_E_CANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_ENGINE;
    }
}

int cli_library_error(const qpy_error *error)
{
    cli_error("%s", error->message[0] ? error->message : qpy_status_text(error->status));
    if (error->hint[0])
        cli_error("hint: %s", error->hint);
    return exit_of(error->status);
}

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

const struct cli_command *cli_command_nearest(const char *name)
{
    const struct cli_command *nearest = NULL;
    size_t best = cli_text_near(name) + 1;
    for (const struct cli_command *const *command = cli_commands; *command; command++) {
        size_t distance = cli_text_distance((*command)->name, name);
        if (distance < best) {
            best = distance;
            nearest = *command;
        }
    }
    return nearest;
}
