/* A sample. */
// judged as src/core/x.c breaks layers
#include "engine/pool.h" /* bad */
#include "../engine/pool.h" /* bad */
#  include <store/store.h> /* bad */
#include "core/buf.h"
#include <qntxpy/status.h>
#include <sys/types.h>
