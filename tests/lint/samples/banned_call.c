/* A sample. */
// judged as src/core/x.c breaks banned
void qpy__f(char *a) { strcpy(a, "x"); }
