/* Checking the size tag of a struct that a host filled in. */
#include "core/options.h"

#include "core/error.h"

#define SIZE_SANE 65536

qpy_status qpy__options_check(const char *name, const void *options, size_t size, size_t known,
                              qpy_error *error)
{
    if (size < known || size > SIZE_SANE)
        return qpy__error(error, QPY_E_OPTIONS,
                          "%s: size is %zu, but this library knows %zu bytes; was it initialised?",
                          name, size, known);
    const unsigned char *bytes = options;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return qpy__error(error, QPY_E_OPTIONS,
                              "%s: comes from a newer header and sets a member at offset %zu that "
                              "this library does not know",
                              name, i);
    return QPY_OK;
}
