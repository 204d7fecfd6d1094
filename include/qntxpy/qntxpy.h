/* Everything a host needs: versions and errors, stores, the engine, and the job interface. */
#ifndef QNTXPY_QNTXPY_H
#define QNTXPY_QNTXPY_H

#include <qntxpy/version.h>

#include <qntxpy/status.h>

#include <qntxpy/store.h>

#include <qntxpy/context.h>

#include <qntxpy/engine.h>

#include <qntxpy/job.h>

#endif
