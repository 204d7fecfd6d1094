/* A sample. */
// judged as include/qntxpy/x.h breaks layers
#include <qntxpy/export.h>
#include "core/buf.h" /* bad */
