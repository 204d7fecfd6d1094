/* A sample. */
// judged as tests/unit/x.c breaks banned
void f(void) { usleep(1); }
