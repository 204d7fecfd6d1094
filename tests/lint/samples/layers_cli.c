/* A sample. */
// judged as src/cli/x.c breaks layers
#include "cli/x.h"
#include "engine/engine.h" /* bad */
