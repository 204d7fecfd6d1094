/* A sample. */
// judged as src/interp/x.c breaks versions
#if PY_VERSION_HEX > 1
#endif
