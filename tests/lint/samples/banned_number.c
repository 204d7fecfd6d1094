/* A sample. */
// judged as src/cli/x.c breaks banned
long cli_f(char *a)
{
    return strtol(a, 0, 10) + (long)strtof(a, 0); /* bad */
}
