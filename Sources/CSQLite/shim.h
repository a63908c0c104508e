#pragma once
#include <sqlite3.h>

/* SQLITE_STATIC is a cast in a C macro, which Swift does not import. */
static inline sqlite3_destructor_type csqlite_static(void) { return SQLITE_STATIC; }
