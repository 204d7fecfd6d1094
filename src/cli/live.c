/* Hooks of a script that runs in the foreground. They are called by its thread, one at a time. */
#include "cli/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/text.h"

enum { REDRAW_MS = 50 };

static bool draws_on_stderr(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb") != 0);
}

void cli_live_init(struct cli_live *live, struct cli_output *output, bool want_progress)
{
    *live = (struct cli_live){.output = output, .to_terminal = draws_on_stderr()};
    live->plain_progress = want_progress && !live->to_terminal;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_live_clear(struct cli_live *live)
{
    if (atomic_exchange(&live->drawn, false))
        cli_stderr_write("\r\033[K", 4);
}

static void on_output(void *payload, int stream, const char *data, size_t length)
{
    struct cli_live *live = payload;
    if (length == 0)
        return;
    cli_live_clear(live);
    live->in_line = data[length - 1] != '\n';
    if (stream == QPY_STDOUT)
        cli_output_write(live->output, data, length);
    else
        cli_stderr_write(data, length);
}

static void format_progress(char *line, size_t size, int64_t current, int64_t total,
                            const char *message)
{
    char counts[64];
    if (total > 0)
        snprintf(counts, sizeof counts, "%lld/%lld (%d%%)", (long long)current, (long long)total,
                 (int)(100.0 * (double)current / (double)total));
    else
        snprintf(counts, sizeof counts, "%lld", (long long)current);
    char *clean = cli_text_clean(message ? message : "");
    snprintf(line, size, "%s%s%s", counts, clean && clean[0] ? " " : "", clean ? clean : "");
    free(clean);
}

static void draw(struct cli_live *live, char *line)
{
    char text[1100];
    line[cli_text_fit(line, cli_terminal_width(STDERR_FILENO) - 1)] = '\0';
    int length = snprintf(text, sizeof text, "\r\033[K%s", line);
    cli_stderr_write(text, (size_t)length);
    atomic_store(&live->drawn, true);
}

/* Drawn at most every REDRAW_MS, and never over a line that the script has not ended. */
static void on_progress(void *payload, int64_t current, int64_t total, const char *message)
{
    struct cli_live *live = payload;
    char line[1024];
    if (live->plain_progress) {
        format_progress(line, sizeof line, current, total, message);
        dprintf(STDERR_FILENO, "progress: %s\n", line);
        return;
    }
    if (!live->to_terminal || live->in_line)
        return;
    int64_t now = now_ms();
    if (current != total && now - live->drawn_at_ms < REDRAW_MS)
        return;
    live->drawn_at_ms = now;
    format_progress(line, sizeof line, current, total, message);
    draw(live, line);
}

void cli_log_line(const char *prefix, const char *level, const char *message,
                  const char *fields_json)
{
    char *line = NULL, *clean = cli_text_clean(message);
    bool has_fields = fields_json && strcmp(fields_json, "{}") != 0;
    int length = asprintf(&line, "%s%s: %s%s%s\n", prefix, level, clean ? clean : "",
                          has_fields ? " " : "", has_fields ? fields_json : "");
    if (length >= 0) {
        cli_stderr_write(line, (size_t)length);
        free(line);
    }
    free(clean);
}

static void on_log(void *payload, const char *level, const char *message, const char *fields_json)
{
    cli_live_clear(payload);
    cli_log_line("", level, message, fields_json);
}

qpy_hooks cli_live_hooks(struct cli_live *live, bool stream)
{
    qpy_hooks hooks = QPY_HOOKS_INIT;
    hooks.payload = live;
    hooks.output = stream ? on_output : NULL;
    hooks.progress = live->to_terminal || live->plain_progress ? on_progress : NULL;
    hooks.log = on_log;
    return hooks;
}
