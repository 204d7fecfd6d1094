/* Tables for people: aligned columns that fit a terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_column {
    const char *title;
    size_t min; /* what it keeps when the terminal is narrow */
    bool minor; /* becomes narrower before others do */
};

struct cli_table {
    const struct cli_column *columns; /* borrowed */
    size_t column_count;
    char **cells; /* row by row */
    size_t cell_count, capacity;
};

void cli_table_init(struct cli_table *table, const struct cli_column *columns, size_t count);
void cli_table_free(struct cli_table *table);

/* Add a row; control characters are made visible. False if memory is short. */
bool cli_table_add(struct cli_table *table, const char *const *cells);

/* Print title and rows. On a terminal of `width` columns long cells are cut with an ellipsis;
 * with width 0 nothing is cut. False if memory is short. */
bool cli_table_print(const struct cli_table *table, FILE *out, size_t width);

#endif
