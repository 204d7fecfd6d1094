/* A sample. */
// judged as src/engine/x.c breaks banned
void qpy__f(void) { printf("x"); }
