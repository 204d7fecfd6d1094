/* What qpy_engine_info tells: what this engine is made of, how it does, and what it cannot do. */
#ifndef QPY__ENGINE_INFO_H
#define QPY__ENGINE_INFO_H

#include "engine/pool.h"

/* A JSON object; the caller frees it. */
QPY_MUST_CHECK qpy_status qpy__info_describe(struct qpy__pool *pool, char **ret_json,
                                             qpy_error *error);

#endif
