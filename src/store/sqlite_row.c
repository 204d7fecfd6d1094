/* Reading an attestation out of a row, whichever program wrote it. */
#include <stdbool.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "core/error.h"
#include "store/json_check.h"
#include "store/sqlite.h"
#include "store/time_text.h"

enum column { ID, LISTS, TIMESTAMP = LISTS + QPY__AXES, SOURCE, CREATED_AT, ATTRIBUTES };

/* What the attestation of a row points to, beside SQLite's own memory. */
struct row {
    cJSON *lists[QPY__AXES];
    const char **items[QPY__AXES];
    qpy_attestation attestation;
};

static void row_done(struct row *row)
{
    for (int axis = 0; axis < QPY__AXES; axis++) {
        cJSON_Delete(row->lists[axis]);
        free(row->items[axis]);
    }
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

/* What is not a string keeps its JSON text, as in the junction tables. */
static const char *element_text(cJSON *element)
{
    if (!cJSON_IsString(element)) {
        element->valuestring = cJSON_PrintUnformatted(element);
        element->type = cJSON_String;
    }
    return element->valuestring;
}

/* A value that is not a JSON array counts as its only element. */
static bool read_list(sqlite3_stmt *statement, struct row *row, int axis, qpy_strings *ret)
{
    const char *text = column_text(statement, LISTS + axis);
    cJSON *list = row->lists[axis] = cJSON_Parse(text);
    bool is_array = cJSON_IsArray(list);
    size_t count = is_array ? (size_t)cJSON_GetArraySize(list) : 1;
    const char **items = row->items[axis] = malloc((count + 1) * sizeof *items);
    if (!items)
        return false;
    items[0] = text;
    size_t i = 0;
    for (cJSON *element = is_array ? list->child : NULL; element; element = element->next)
        if (!(items[i++] = element_text(element)))
            return false;
    *ret = (qpy_strings){items, count};
    return true;
}

static bool read_lists(sqlite3_stmt *statement, struct row *row)
{
    qpy_attestation *attestation = &row->attestation;
    return read_list(statement, row, 0, &attestation->subjects) &&
           read_list(statement, row, 1, &attestation->predicates) &&
           read_list(statement, row, 2, &attestation->contexts) &&
           read_list(statement, row, 3, &attestation->actors);
}

/* `otherwise` where the column holds no time: one bad row must not hide all others. */
static int64_t column_time(sqlite3_stmt *statement, int column, int64_t otherwise)
{
    int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        return qpy__time_from_number(sqlite3_column_int64(statement, column));
    int64_t unix_ms;
    return qpy__time_from_text(column_text(statement, column), &unix_ms) ? unix_ms : otherwise;
}

/* NULL for anything else: QNTX may write JSON null for no attributes at all. */
static const char *column_object(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t at;
    return text && qpy__json_is_object(text, &at) ? text : NULL;
}

qpy_status qpy__sqlite_row(sqlite3_stmt *statement, qpy_attestation_fn fn, void *payload,
                           bool *ret_more, qpy_error *error)
{
    struct row row = {0};
    if (!read_lists(statement, &row)) {
        row_done(&row);
        return qpy__error_memory(error, "an attestation");
    }
    qpy_attestation *attestation = &row.attestation;
    attestation->id = column_text(statement, ID);
    attestation->timestamp_ms = column_time(statement, TIMESTAMP, 0);
    attestation->source = column_text(statement, SOURCE);
    attestation->created_at_ms = column_time(statement, CREATED_AT, attestation->timestamp_ms);
    attestation->attributes_json = column_object(statement, ATTRIBUTES);
    *ret_more = fn(payload, attestation);
    row_done(&row);
    return QPY_OK;
}
