/* A sample. */
// judged as src/core/x.c breaks names
void helper(void) /* bad */
{
}
