/* A sample. */
// judged as src/core/x.c breaks layers
#include "engine/pool.h"
