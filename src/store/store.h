/* How a session keeps a store from being closed under a call that has begun. */
#ifndef QPY__STORE_STORE_H
#define QPY__STORE_STORE_H

#include <qntxpy/store.h>

/*
 * Between these two, qpy_store_close waits. Every public call on a store is enclosed in them; a
 * session enters in the same step in which it finds that it is not sealed.
 */
void qpy__store_enter(qpy_store *store);
void qpy__store_leave(qpy_store *store);

#endif
