/* Names and texts of the status table, the version, and the library's free function. */
#include <stdlib.h>

#include <qntxpy/status.h>
#include <qntxpy/store.h>
#include <qntxpy/version.h>

#define STRINGIFY(x) #x
#define TO_TEXT(x) STRINGIFY(x)

const char *qpy_status_name(qpy_status status)
{
    switch (status) {
#define STATUS_NAME(name, ...)                                                                     \
    case QPY_##name:                                                                               \
        return "QPY_" #name;
        QPY_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "QPY_E_UNKNOWN";
}

const char *qpy_status_text(qpy_status status)
{
    switch (status) {
#define STATUS_TEXT(name, number, text, ...)                                                       \
    case QPY_##name:                                                                               \
        return text;
        QPY_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

const char *qpy_version(void)
{
    return TO_TEXT(QPY_VERSION_MAJOR) "." TO_TEXT(QPY_VERSION_MINOR) "." TO_TEXT(QPY_VERSION_PATCH);
}

void qpy_free(void *memory)
{
    free(memory);
}
