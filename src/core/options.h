/* Checking the size tag of a struct that a host filled in. */
#ifndef QPY__CORE_OPTIONS_H
#define QPY__CORE_OPTIONS_H

#include <stddef.h>

#include <qntxpy/status.h>

/*
 * `size` is the struct's own first member, `known` how large this version of the library knows it.
 * A larger struct comes from a newer header: fine as long as what we do not know is zero.
 */
QPY_MUST_CHECK qpy_status qpy__options_check(const char *name, const void *options, size_t size,
                                             size_t known, qpy_error *error);

#endif
