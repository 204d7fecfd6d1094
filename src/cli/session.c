/* Opens and closes engine and store for the commands. */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

const struct cli_choice cli_gil_choices[] = {
    {"auto", QPY_GIL_AUTO}, {"own", QPY_GIL_OWN}, {"shared", QPY_GIL_SHARED}, {NULL, 0}};

const struct cli_choice cli_attest_choices[] = {
    {"immediate", QPY_ATTEST_IMMEDIATE}, {"with_job", QPY_ATTEST_WITH_JOB}, {NULL, 0}};

qpy_engine_options cli_engine_options(const struct cli_engine_settings *settings)
{
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.gil = settings->gil;
    options.venv = settings->venv;
    options.python_home = settings->python_home;
    options.attest = settings->attest;
    return options;
}

int cli_store_open_existing(const char *path, qpy_store **ret_store)
{
    struct stat status;
    int reason = stat(path, &status) == 0 ? 0 : errno;
    if (!reason && S_ISDIR(status.st_mode))
        reason = EISDIR;
    if (reason) {
        cli_error("cannot read store '%s': %s", path, strerror(reason));
        return CLI_USAGE;
    }
    qpy_error error = QPY_ERROR_INIT;
    qpy_sqlite_options options = QPY_SQLITE_OPTIONS_INIT;
    options.read_only = 1;
    if (qpy_store_open_sqlite(path, &options, ret_store, &error) == QPY_OK)
        return CLI_OK;
    return cli_library_error(&error);
}

int cli_session_open(const struct cli_engine_settings *settings, qpy_engine_options *options,
                     struct cli_session *session)
{
    qpy_error error = QPY_ERROR_INIT;
    if (settings->store && !session->store &&
        qpy_store_open_sqlite(settings->store, NULL, &session->store, &error) != QPY_OK) {
        cli_library_error(&error);
        return CLI_ENGINE;
    }
    options->store = session->store;
    if (qpy_engine_open(options, &session->engine, &error) != QPY_OK)
        return cli_library_error(&error);
    return CLI_OK;
}

void cli_session_close(struct cli_session *session, int status)
{
    size_t abandoned = qpy_engine_close(session->engine);
    session->engine = NULL;
    if (abandoned > 0) {
        cli_error("a script could not be stopped; ending the process");
        fflush(NULL);
        _exit(status);
    }
    qpy_store_close(session->store);
    session->store = NULL;
}
