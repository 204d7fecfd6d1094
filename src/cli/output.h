/* Writing to standard output and standard error so that no failure goes unnoticed. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Where results go. Not locked: who writes from several threads serialises. */
struct cli_output {
    int fd;
    atomic_int error; /* errno of the first failure; nothing is written after it */
};

/* Make sure that descriptors 0, 1 and 2 exist, so that no file that is opened later becomes one of
 * them. A stream that was closed stays unusable. */
bool cli_standard_files(void);

/* Standard output as it is. */
void cli_output_plain(struct cli_output *output);

/* Take standard output for results alone: what scripts and their children write to descriptor 1
 * past the engine goes to standard error from now on. False with a message if that fails. */
bool cli_output_claim(struct cli_output *output);

/* Write everything; on the first failure the running scripts are cancelled. */
void cli_output_write(struct cli_output *output, const char *data, size_t length);

/* The exit status that a failed output asks for, after reporting it; 0 if all was written. */
int cli_output_status(struct cli_output *output);

/* The same for stdio's stdout, which is flushed first. */
int cli_stdout_status(void);

/* Write everything to standard error; failures are ignored: nowhere is left to report them. */
void cli_stderr_write(const char *data, size_t length);

#endif
