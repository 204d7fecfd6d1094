/* A sample. */
// judged as src/engine/x.c breaks banned
void qpy__f(va_list a)
{
    printf("x");             /* bad */
    vfprintf(stderr, "", a); /* bad */
    fputs("x", stderr);      /* bad */
    exit(1);                 /* bad */
}
