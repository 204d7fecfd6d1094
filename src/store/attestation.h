/* What every store does with an attestation: check it, copy it, match it, write it as JSON. */
#ifndef QPY__STORE_ATTESTATION_H
#define QPY__STORE_ATTESTATION_H

#include <qntxpy/store.h>

#include "core/buf.h"

/* Times that RFC 3339 can express: years 1 to 9999. */
#define QPY__TIME_FIRST INT64_C(-62135596800000)
#define QPY__TIME_LAST INT64_C(253402300799999)

/* Is it complete and valid UTF-8? The message names the field and the value. */
QPY_MUST_CHECK qpy_status qpy__attestation_check(const qpy_attestation *attestation,
                                                 qpy_error *error);

/* Check `filter` (NULL: everything) and copy the members this version knows. */
QPY_MUST_CHECK qpy_status qpy__filter_read(const qpy_filter *filter, qpy_filter *ret_filter,
                                           qpy_error *error);

/* All of qpy_filter but the limit. */
bool qpy__filter_matches(const qpy_filter *filter, const qpy_attestation *attestation);

/* A deep copy in one block of memory: free it with free. NULL: out of memory. */
qpy_attestation *qpy__attestation_copy(const qpy_attestation *attestation);

/* A JSON array of strings. */
void qpy__strings_to_json(qpy_strings strings, struct qpy__buf *buf);

#endif
