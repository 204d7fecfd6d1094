/* The help of the program and of each command, made from their tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

struct cli_command;

/* Print to stdout; both return the exit status. */
int cli_help_program(void);
int cli_help_command(const struct cli_command *command);

#endif
