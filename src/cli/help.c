/* Prints help for the program and its commands, and the commands `help` and `version`. */
#include "cli/help.h"

#include <getopt.h>
#include <stdio.h>

#include <qntxpy/version.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/text.h"

enum { WIDTH = 80, NAME_COLUMN = 28 };

static void print_option(const struct cli_option *option)
{
    char name[80], letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int used = snprintf(name, sizeof name, "  %s--%s%s%s", letter, option->name,
                        option->value ? " " : "", option->value ? option->value : "");
    if (used < NAME_COLUMN - 1)
        printf("%-*s", NAME_COLUMN, name);
    else
        printf("%s\n%*s", name, NAME_COLUMN, "");
    cli_text_wrap(stdout, option->help, NAME_COLUMN, WIDTH);
}

static void print_section(const char *title, const char *lines)
{
    if (lines)
        printf("\n%s:\n%s", title, lines);
}

int cli_help_command(const struct cli_command *command)
{
    printf("Usage: qntxpy %s%s%s\n\n", command->name, command->synopsis[0] ? " " : "",
           command->synopsis);
    cli_text_wrap(stdout, command->description, 0, WIDTH);
    puts("\nOptions:");
    for (const struct cli_option *option = command->options; option->name; option++)
        print_option(option);
    print_section("Examples", command->examples);
    print_section("Exit status", command->exits);
    return cli_stdout_status();
}

int cli_help_program(void)
{
    puts("Usage: qntxpy COMMAND [OPTIONS]\n\n"
         "Run QNTX python.script jobs in sub-interpreters of this process.\n\n"
         "Commands:");
    for (const struct cli_command *const *command = cli_commands; *command; command++)
        printf("  %-14s %s\n", (*command)->name, (*command)->summary);
    puts("\nOptions:\n"
         "  -h, --help      Show this help and exit.\n"
         "  -V, --version   Show the version and exit.\n\n"
         "'qntxpy COMMAND --help' explains a command; qntxpy(1) is the manual.");
    return cli_stdout_status();
}

struct no_settings {
    char unused;
};

static const struct cli_option no_options[] = {
    CLI_HELP_AND_END,
};

static int run_help(const struct cli_command *self, int argc, char **argv)
{
    struct no_settings settings;
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status != CLI_GO_ON)
        return status;
    if (argc - optind > 1)
        return cli_usage_error(self, "help explains one command at a time");
    if (argc == optind)
        return cli_help_program();
    const struct cli_command *command = cli_command_find(argv[optind]);
    if (command)
        return cli_help_command(command);
    command = cli_command_nearest(argv[optind]);
    if (command)
        return cli_usage_error(NULL, "no command '%s'; did you mean '%s'?", argv[optind],
                               command->name);
    return cli_usage_error(NULL, "no command '%s'", argv[optind]);
}

static int run_version(const struct cli_command *self, int argc, char **argv)
{
    struct no_settings settings;
    int status = cli_options_parse(self, argc, argv, &settings);
    if (status != CLI_GO_ON)
        return status;
    if (argc > optind)
        return cli_usage_error(self, "version takes no argument, but got '%s'", argv[optind]);
    printf("qntxpy %s\n", qpy_version());
    return cli_stdout_status();
}

const struct cli_command cli_command_help = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "Explain the program or one command",
    .description = "Show the list of commands, or what one command does, its options, examples "
                   "and exit status.",
    .options = no_options,
    .exits = "  0    the help was shown\n"
             "  2    there is no such command\n",
    .run = run_help,
};

const struct cli_command cli_command_version = {
    .name = "version",
    .synopsis = "",
    .summary = "Show the version of the library",
    .description = "Show the version of the library that is loaded. 'qntxpy info' also shows the "
                   "version of Python.",
    .options = no_options,
    .exits = "  0    the version was shown\n",
    .run = run_version,
};
