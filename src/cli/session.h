/* The engine and the store that a command works with, opened from its options. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <qntxpy/engine.h>
#include <qntxpy/store.h>

#include "cli/options.h"

/* Options that run, batch and info share. */
struct cli_engine_settings {
    const char *store;
    const char *python_home;
    const char *venv;
    int gil;
    int attest;
};

/* clang-format off */
#define CLI_ENGINE_SETTINGS_INIT {NULL, NULL, NULL, QPY_DEFAULT, QPY_DEFAULT}
#define CLI_SESSION_INIT {NULL, NULL}
/* clang-format on */

extern const struct cli_choice cli_gil_choices[];
extern const struct cli_choice cli_attest_choices[];

#define CLI_ENGINE_AT(member) offsetof(struct cli_engine_settings, member)

/* Rows of an option table for settings that start with struct cli_engine_settings. */
#define CLI_OPTIONS_PYTHON                                                                         \
    CLI_CHOICE("gil", "auto|own|shared", CLI_ENGINE_AT(gil), cli_gil_choices,                      \
               "Whether scripts have a GIL of their own, and so run in parallel, or share one. "   \
               "Default: auto, which is what suits the version of Python."),                       \
        CLI_VALUE("venv", "DIR", cli_take_text, CLI_ENGINE_AT(venv),                               \
                  "Let scripts import the packages of this virtual environment."),                 \
        CLI_VALUE("python-home", "DIR", cli_take_text, CLI_ENGINE_AT(python_home),                 \
                  "Prefix of the Python installation. Default: the one qntxpy was built for.")

#define CLI_OPTIONS_STORE                                                                          \
    CLI_VALUE("store", "PATH", cli_take_text, CLI_ENGINE_AT(store),                                \
              "SQLite database for attestations, created if it does not exist. Default: kept in "  \
              "memory and gone at the end."),                                                      \
        CLI_CHOICE("attest", "immediate|with_job", CLI_ENGINE_AT(attest), cli_attest_choices,      \
                   "Store each attestation at once, or all together and only if the script "       \
                   "succeeds. Default: immediate.")

struct cli_session {
    qpy_store *store; /* NULL: the engine's own, in memory */
    qpy_engine *engine;
};

/* Fill engine options from settings, all else at its default. */
qpy_engine_options cli_engine_options(const struct cli_engine_settings *settings);

/* Open a database that must exist, for reading only. Returns 0, or the status to exit with. */
int cli_store_open_existing(const char *path, qpy_store **ret_store);

/* Open the store, if the settings name one and the session has none, and the engine.
 * Returns 0, or the status to exit with after a message. */
int cli_session_open(const struct cli_engine_settings *settings, qpy_engine_options *options,
                     struct cli_session *session);

/* Close both. If scripts could not be stopped, their threads still use what the caller holds: then
 * the process ends here, with `status`. */
void cli_session_close(struct cli_session *session, int status);

#endif
