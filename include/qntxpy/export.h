/* Compiler annotations that the public headers share. */
#ifndef QNTXPY_EXPORT_H
#define QNTXPY_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define QPY_API __attribute__((visibility("default")))
/* The caller must look at the returned status. */
#define QPY_MUST_CHECK __attribute__((warn_unused_result))
#else
#define QPY_API
#define QPY_MUST_CHECK
#endif

/* "Use the default": optional numbers say so explicitly, since 0 means zero. */
#define QPY_DEFAULT (-1)

#endif
