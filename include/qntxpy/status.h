/* Status codes of every fallible call, and the error that explains one. */
#ifndef QNTXPY_STATUS_H
#define QNTXPY_STATUS_H

#include <qntxpy/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The one table of status codes: name, number, text, cause, outcome, what to do.
 * Codes are stable and never reused. A script that fails is not an error of the engine: the call
 * returns QPY_OK and the result says what happened to the script.
 */
#define QPY_STATUS_MAP(X)                                                                          \
    X(OK, 0, "success", "The call did what it promises.", "Outputs are set.", "Nothing.")          \
    X(E_ARGUMENT, 100, "invalid argument", "A parameter is NULL, out of range or contradictory.",  \
      "Nothing was done.", "Correct the value that the message names.")                            \
    X(E_OPTIONS, 101, "unsupported options",                                                       \
      "An options struct was not initialised or comes from a newer header.", "Nothing was done.",  \
      "Initialise it with its _INIT macro; build and run the same version.")                       \
    X(E_UNSUPPORTED, 102, "not supported here",                                                    \
      "The platform or the Python version cannot do what was asked.", "Nothing was done.",         \
      "Change the option that the message names, or the Python version.")                          \
    X(E_STATE, 103, "wrong state", "The object is closing, or the call came at the wrong time.",   \
      "Nothing was done.", "Follow the order of calls given at the function.")                     \
    X(E_PAYLOAD, 200, "invalid payload", "The payload of a job is not what the contract asks.",    \
      "The job did not start.", "Correct the field that the message names.")                       \
    X(E_LIMIT, 300, "over a limit", "An input is larger than the configured limit.",               \
      "Nothing was done.", "Make the input smaller or raise the limit that the message names.")    \
    X(E_QUEUE_FULL, 301, "queue is full", "More executions wait than the engine may hold.",        \
      "The execution was not accepted.", "Try again later, or raise max_queued.")                  \
    X(E_ABANDONED, 302, "too many abandoned workers",                                              \
      "Scripts that could not be stopped still occupy more threads than max_abandoned.",           \
      "The execution was not accepted.",                                                           \
      "Restart the host soon; see the results that said abandon.")                                 \
    X(E_NO_MEMORY, 400, "out of memory", "The host's allocator refused a request.",                \
      "The call was undone.", "Free memory; lower limits or the number of workers.")               \
    X(E_SYSTEM, 401, "system call failed", "The operating system refused a thread, file or lock.", \
      "The call was undone.", "See the message for the system's own reason.")                      \
    X(E_PYTHON_VERSION, 500, "wrong Python version",                                               \
      "The libpython that is loaded is not the minor version this library was built for.",         \
      "Python was not started.", "Install the matching libpython, or build again.")                \
    X(E_PYTHON_START, 501, "Python did not start", "The interpreter could not be initialised.",    \
      "No engine exists.", "See the message; often a wrong python_home.")                          \
    X(E_INTERPRETER, 502, "no interpreter", "A sub-interpreter could not be created.",             \
      "The execution failed; the engine stays usable.", "See the message; often memory is short.") \
    X(E_STORE, 600, "store failed", "The store could not carry out the request.",                  \
      "Nothing was stored by this call.", "See the message for the database's own reason.")        \
    X(E_STORE_OPEN, 601, "cannot open store", "The path cannot be opened, created or written.",    \
      "No store exists.", "Check the path and its permissions.")                                   \
    X(E_STORE_BUSY, 602, "store is busy", "Another process kept the database locked.",             \
      "Nothing was stored by this call.", "Try again; raise busy_timeout_ms.")                     \
    X(E_STORE_CORRUPT, 603, "store is corrupt", "The file is not a sound SQLite database.",        \
      "Nothing was stored by this call.", "Restore the file from a backup.")                       \
    X(E_STORE_FOREIGN, 604, "store is not ours",                                                   \
      "The database holds tables of another program, or of a newer version of this one.",          \
      "The file was not changed.", "Name another file, or upgrade.")                               \
    X(E_STORE_FULL, 605, "store is full", "The disk or the database's size limit is full.",        \
      "Nothing was stored by this call.", "Free space; the store works again at once.")            \
    X(E_STORE_READONLY, 606, "store is read-only", "The database cannot be written.",              \
      "Nothing was stored by this call.", "Check permissions and mount options.")                  \
    X(E_EXISTS, 607, "already exists", "A record with this id is already stored.",                 \
      "The stored record was not changed.", "Use another id.")                                     \
    X(E_NOT_FOUND, 608, "not found", "No record with this id is stored.", "Nothing was done.",     \
      "Check the id.")                                                                             \
    X(E_HANDLER_EXISTS, 700, "handler already registered", "The name has a handler.",              \
      "The registered handler stays.", "Use qpy_registry_replace, or remove it first.")            \
    X(E_HANDLER_MISSING, 701, "no handler registered", "Nobody registered the job's handler.",     \
      "The job was not executed.", "Register the handler, or correct handler_name.")               \
    X(E_HANDLER_FAILED, 702, "handler failed", "The handler ran and reported a failure.",          \
      "The job failed; what it stored before stays stored.", "See the message and the result.")    \
    X(E_TIMEOUT, 800, "timed out", "The time the caller allowed for the wait is over.",            \
      "What was waited for goes on.", "Wait again, or cancel.")                                    \
    X(E_CANCELLED, 801, "cancelled", "The context or the execution was cancelled.",                \
      "The work was stopped.", "Nothing, if the cancellation was meant.")                          \
    X(E_INTERNAL, 900, "internal error", "A defect of this library.",                              \
      "The call was undone as far as possible.", "Report it with the message.")

typedef enum qpy_status {
#define QPY_STATUS_ENUM(name, number, ...) QPY_##name = number,
    QPY_STATUS_MAP(QPY_STATUS_ENUM)
#undef QPY_STATUS_ENUM
} qpy_status;

/**
 * Explains one failure. Owned by the caller, usually on its stack; pass NULL where only the status
 * matters. A call that fails fills it; a call that succeeds leaves it as it was.
 */
typedef struct qpy_error {
    qpy_status status;
    char message[1024]; /* what failed, with the values in scope; UTF-8, always terminated */
    char hint[256];     /* what to do about it, or "" */
} qpy_error;

/* clang-format off */
#define QPY_ERROR_INIT {QPY_OK, "", ""}
/* clang-format on */

/** Name of a status, such as "QPY_E_ARGUMENT"; "QPY_E_UNKNOWN" for a number that is not one. */
QPY_API const char *qpy_status_name(qpy_status status);

/** Short text of a status, such as "invalid argument". Static string, never NULL. */
QPY_API const char *qpy_status_text(qpy_status status);

#ifdef __cplusplus
}
#endif

#endif
