/* Collects rows, finds the columns' widths, prints. */
#include "cli/table.h"

#include <stdlib.h>

#include "cli/text.h"

enum { GAP = 2 };

void cli_table_init(struct cli_table *table, const struct cli_column *columns, size_t count)
{
    *table = (struct cli_table){.columns = columns, .column_count = count};
}

void cli_table_free(struct cli_table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct cli_table){.columns = NULL};
}

static bool make_room(struct cli_table *table)
{
    if (table->cell_count + table->column_count <= table->capacity)
        return true;
    size_t capacity = 2 * table->capacity + 16 * table->column_count;
    char **cells = realloc(table->cells, capacity * sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

bool cli_table_add(struct cli_table *table, const char *const *cells)
{
    if (!make_room(table))
        return false;
    char **row = table->cells + table->cell_count;
    for (size_t i = 0; i < table->column_count; i++) {
        row[i] = cli_text_clean(cells[i]);
        if (!row[i]) {
            while (i > 0)
                free(row[--i]);
            return false;
        }
    }
    table->cell_count += table->column_count;
    return true;
}

static void natural_widths(const struct cli_table *table, size_t *widths)
{
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = cli_text_width(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = cli_text_width(table->cells[i]);
        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
}

/* The widest column of this kind that may become narrower; column_count if there is none. */
static size_t widest(const struct cli_table *table, const size_t *widths, bool minor)
{
    size_t found = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].minor != minor || widths[i] <= table->columns[i].min)
            continue;
        if (found == table->column_count || widths[i] > widths[found])
            found = i;
    }
    return found;
}

static void fit(const struct cli_table *table, size_t *widths, size_t limit)
{
    size_t total = GAP * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++) {
        if (widths[i] > limit)
            widths[i] = limit;
        total += widths[i];
    }
    for (; total > limit; total--) {
        size_t column = widest(table, widths, true);
        if (column == table->column_count)
            column = widest(table, widths, false);
        if (column == table->column_count)
            return;
        widths[column]--;
    }
}

static void print_cell(FILE *out, const char *cell, size_t width, bool last)
{
    size_t used = cli_text_width(cell);
    if (used <= width) {
        fprintf(out, "%s%*s", cell, last ? 0 : (int)(width - used + GAP), "");
        return;
    }
    size_t bytes = cli_text_fit(cell, width - 1);
    fprintf(out, "%.*s…", (int)bytes, cell);
    char *kept = NULL;
    size_t cut = width - 1;
    if (asprintf(&kept, "%.*s", (int)bytes, cell) >= 0) {
        cut = cli_text_width(kept);
        free(kept);
    }
    fprintf(out, "%*s", last ? 0 : (int)(width - 1 - cut + GAP), "");
}

static void print_titles(const struct cli_table *table, FILE *out, const size_t *widths)
{
    for (size_t i = 0; i < table->column_count; i++)
        print_cell(out, table->columns[i].title, widths[i], i + 1 == table->column_count);
    fputc('\n', out);
}

bool cli_table_print(const struct cli_table *table, FILE *out, size_t width)
{
    size_t *widths = calloc(table->column_count, sizeof *widths);
    if (!widths)
        return false;
    natural_widths(table, widths);
    if (width > 0)
        fit(table, widths, width);
    print_titles(table, out, widths);
    for (size_t i = 0; i < table->cell_count; i++) {
        bool last = i % table->column_count == table->column_count - 1;
        print_cell(out, table->cells[i], widths[i % table->column_count], last);
        if (last)
            fputc('\n', out);
    }
    free(widths);
    return true;
}
