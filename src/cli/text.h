/* Text on a terminal: UTF-8, widths, wrapping, and how far apart two words are. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Bytes of the UTF-8 sequence at `text` (length bytes left); 0 if there is no valid one. */
size_t cli_text_sequence(const char *text, size_t length);

/* Columns `text` takes on a terminal. */
size_t cli_text_width(const char *text);

/* How many bytes of `text` fit into `width` columns; never splits a character. */
size_t cli_text_fit(const char *text, size_t width);

/* A copy without control characters (newline becomes \n, others \xNN, bad UTF-8 bytes \xNN).
 * The caller frees it; NULL if memory is short. */
char *cli_text_clean(const char *text);

/* Print words of `text` in lines of at most `width` bytes; every line but the first is indented.
 * A newline in the text starts a new paragraph. */
void cli_text_wrap(FILE *out, const char *text, size_t indent, size_t width);

/* Edits between two words, and how many still count as a typing mistake. */
size_t cli_text_distance(const char *a, const char *b);
size_t cli_text_near(const char *word);

/* Columns of the terminal behind `fd`, or 0 if it is none. */
size_t cli_terminal_width(int fd);

#endif
