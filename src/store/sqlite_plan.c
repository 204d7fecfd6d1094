/*
 * The SQL of queries. A query first finds the rows, newest first, and reads them afterwards. Three
 * plans find them, all with the same answer; sqlite_query.c chooses:
 *
 * - by ids: the primary key gives the candidates;
 * - driven by an axis: its junction table (and the queue of what is not in it yet) gives them;
 * - otherwise all rows, by an index on time if there are bounds, in the order of answers if not.
 *
 * What did not give the candidates is tested on each of them, on the JSON in the row itself: no
 * plan depends on a second index.
 */
#include "store/sqlite.h"

/* A list that another program may have written; `row` is a table name with a dot. */
static void add_elements(const char *row, const char *list, struct qpy__buf *sql)
{
    qpy__buf_format(sql,
                    "json_each(CASE WHEN json_valid(CAST(%s%s AS TEXT))"
                    "THEN CAST(%s%s AS TEXT)ELSE'[]'END)v",
                    row, list, row, list);
}

static void add_wanted(int parameter, struct qpy__buf *sql)
{
    qpy__buf_format(sql, " IN(SELECT value FROM json_each(?%d))", parameter);
}

/* Compared as QNTX does, also where its junction tables do not do so by themselves yet. */
#define SAME " COLLATE NOCASE"

static void add_junction(int i, const char *columns, struct qpy__buf *sql)
{
    const struct qpy__sqlite_axis *axis = &qpy__sqlite_axes[i];
    qpy__buf_format(sql, "SELECT %s FROM %s WHERE %s" SAME, columns, axis->table, axis->column);
    add_wanted(QPY__PARAMETER_AXES + i, sql);
}

static void add_queue(int i, struct qpy__buf *sql)
{
    qpy__buf_text(sql, " UNION SELECT q.id FROM qntxpy_unindexed q CROSS JOIN attestations a ON"
                       " a.id=q.id CROSS JOIN ");
    add_elements("a.", qpy__sqlite_axes[i].list, sql);
    qpy__buf_text(sql, " WHERE v.value" SAME);
    add_wanted(QPY__PARAMETER_AXES + i, sql);
}

static void add_candidates(unsigned shape, int driver, struct qpy__buf *sql)
{
    qpy__buf_text(sql, "FROM(");
    add_junction(driver, "DISTINCT attestation_id AS id", sql);
    if (shape & QPY__SHAPE_QUEUED)
        add_queue(driver, sql);
    qpy__buf_text(sql, ")d CROSS JOIN attestations t ON t.id=d.id");
}

static void add_axis_test(int i, struct qpy__buf *sql)
{
    qpy__buf_text(sql, " AND EXISTS(SELECT 1 FROM ");
    add_elements("t.", qpy__sqlite_axes[i].list, sql);
    qpy__buf_text(sql, " WHERE v.value" SAME);
    add_wanted(QPY__PARAMETER_AXES + i, sql);
    qpy__buf_char(sql, ')');
}

/*
 * The exact test is made in C on whatever the column holds. The rough one before it is what an
 * index can answer: every format begins with the date, and numbers come before all text.
 */
static void add_time_tests(unsigned shape, struct qpy__buf *sql)
{
    if (shape & QPY__SHAPE_SINCE)
        qpy__buf_format(sql,
                        " AND(t.timestamp>=?%d OR t.timestamp<'')AND qntxpy_ms(t.timestamp)>=?%d",
                        QPY__PARAMETER_SINCE_DATE, QPY__PARAMETER_SINCE);
    if (shape & QPY__SHAPE_UNTIL)
        qpy__buf_format(sql, " AND t.timestamp<?%d AND qntxpy_ms(t.timestamp)<=?%d",
                        QPY__PARAMETER_UNTIL_DATE, QPY__PARAMETER_UNTIL);
}

/* With bounds on time, the index on time is worth more than the one that spares sorting. */
static void add_order(unsigned shape, struct qpy__buf *sql)
{
    bool bounded = shape & (QPY__SHAPE_SINCE | QPY__SHAPE_UNTIL);
    qpy__buf_format(sql, " ORDER BY %s%s%s DESC,t.rowid DESC LIMIT ?%d", bounded ? "+(" : "",
                    QPY__SQLITE_ORDER, bounded ? ")" : "", QPY__PARAMETER_LIMIT);
}

static void probe_sql(unsigned shape, struct qpy__buf *sql)
{
    int i = 0;
    while (!(shape & 1u << i))
        i++;
    qpy__buf_text(sql, "SELECT count(*)FROM(");
    add_junction(i, "1", sql);
    qpy__buf_format(sql, " LIMIT %d)", QPY__SQLITE_FEW + 1);
}

void qpy__sqlite_query_sql(unsigned shape, struct qpy__buf *sql)
{
    if (shape & QPY__SHAPE_PROBE) {
        probe_sql(shape, sql);
        return;
    }
    int driver = (int)(shape / QPY__SHAPE_DRIVER) - 1;
    qpy__buf_text(sql, "SELECT t.rowid ");
    if (driver >= 0)
        add_candidates(shape, driver, sql);
    else
        qpy__buf_text(sql, "FROM attestations t");
    qpy__buf_text(sql, " WHERE 1");
    if (shape & QPY__SHAPE_IDS) {
        qpy__buf_text(sql, " AND t.id");
        add_wanted(QPY__PARAMETER_IDS, sql);
    }
    add_time_tests(shape, sql);
    for (int i = 0; i < QPY__AXES; i++)
        if (shape & 1u << i && i != driver)
            add_axis_test(i, sql);
    add_order(shape, sql);
}
