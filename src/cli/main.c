/* Entry of the program `qntxpy`: finds the command and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/output.h"

const struct cli_command *const cli_commands[] = {&cli_command_run,
                                                  &cli_command_batch,
                                                  &cli_command_attestations,
                                                  &cli_command_info,
                                                  &cli_command_version,
                                                  &cli_command_help,
                                                  NULL};

static int unknown_command(const char *name)
{
    if (name[0] == '-')
        return cli_usage_error(NULL, "unknown option '%s' before the command", name);
    const struct cli_command *nearest = cli_command_nearest(name);
    if (nearest)
        return cli_usage_error(NULL, "unknown command '%s'; did you mean '%s'?", name,
                               nearest->name);
    return cli_usage_error(NULL, "unknown command '%s'", name);
}

static const char *command_name(const char *argument)
{
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
        return "help";
    if (strcmp(argument, "--version") == 0 || strcmp(argument, "-V") == 0)
        return "version";
    return argument;
}

int main(int argc, char **argv)
{
    /* A script that writes to a closed socket must get an error, not end the process. */
    signal(SIGPIPE, SIG_IGN);
    if (!cli_standard_files())
        return CLI_ENGINE;
    if (argc < 2) {
        cli_usage_error(NULL, "no command given");
        return CLI_USAGE;
    }
    const struct cli_command *command = cli_command_find(command_name(argv[1]));
    if (!command)
        return unknown_command(argv[1]);
    return command->run(command, argc - 1, argv + 1);
}
