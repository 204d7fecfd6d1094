/* Ctrl-C: the first signal cancels what runs, the second ends the process. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

#include <qntxpy/context.h>

/* Watch for SIGINT and SIGTERM from now on; `context` is cancelled at the first of them and must
 * live until cli_interrupt_stop. False with a message if that cannot be set up. */
bool cli_interrupt_start(qpy_context *context);

/* Stop watching. */
void cli_interrupt_stop(void);

/* Whether a signal came. */
bool cli_interrupted(void);

/* Cancel what runs for another reason: results can no longer be written. Any thread. */
void cli_interrupt_wake(void);

/* Readable from the moment all should stop, for poll(); -1 when nothing watches. */
int cli_interrupt_fd(void);

#endif
