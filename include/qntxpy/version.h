/* Version of the library: the only place where these numbers are written. */
#ifndef QNTXPY_VERSION_H
#define QNTXPY_VERSION_H

#include <qntxpy/export.h>

#define QPY_VERSION_MAJOR 0
#define QPY_VERSION_MINOR 1
#define QPY_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that is loaded, such as "0.1.0".
 * Static string. Thread-safe; needs no engine and no GIL. Never fails.
 */
QPY_API const char *qpy_version(void);

#ifdef __cplusplus
}
#endif

#endif
