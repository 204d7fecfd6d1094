/* python/bootstrap.py, embedded by the build. */
#ifndef QPY__INTERP_BOOTSTRAP_H
#define QPY__INTERP_BOOTSTRAP_H

extern const char qpy__bootstrap_source[]; /* terminated */
extern const unsigned long qpy__bootstrap_source_len;

#endif
