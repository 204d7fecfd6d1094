/* A sample. */
// judged as src/interp/x.c breaks versions
#include <internal/pycore_interp.h> /* bad */
void *qpy__f(void)
{
    _PyRuntime_Do();      /* bad */
    return &_Py_NoneData; /* bad */
}
