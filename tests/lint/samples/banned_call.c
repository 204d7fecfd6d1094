/* A sample. */
// judged as src/core/x.c breaks banned
void qpy__f(char *a)
{
    strcpy(a, "x");       /* bad */
    sprintf(a, "x");      /* bad */
    time (NULL);          /* bad */
    PyGILState_Check();   /* bad */
    PyRun_SimpleString(a); /* bad */
}
