/* What a person sees while a script runs: its output, its progress and its log records. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <qntxpy/engine.h>

#include "cli/output.h"

struct cli_live {
    struct cli_output *output; /* the script's stdout; borrowed */
    bool to_terminal;          /* progress is one line that overwrites itself */
    bool plain_progress;       /* progress is one line after another */
    atomic_bool drawn;         /* the progress line is on the terminal */
    bool in_line;              /* the script's last output did not end its line */
    int64_t drawn_at_ms;
};

/* Progress is drawn on a terminal, and written as lines elsewhere if `want_progress`. */
void cli_live_init(struct cli_live *live, struct cli_output *output, bool want_progress);

/* The hooks that do it; output only if `stream`. `live` is borrowed until the script ended. */
qpy_hooks cli_live_hooks(struct cli_live *live, bool stream);

/* Take the progress line away. */
void cli_live_clear(struct cli_live *live);

/* One log record as a line of text on stderr; `prefix` is put in front. */
void cli_log_line(const char *prefix, const char *level, const char *message,
                  const char *fields_json);

#endif
