/* A sample. */
// judged as src/interp/x.c breaks versions
void qpy__f(void) { _PyRuntime_Do(); }
