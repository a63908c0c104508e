#pragma once
#include <sqlite3.h>

/* SQLITE_STATIC is a cast in a C macro, which Swift does not import. */
static inline sqlite3_destructor_type csqlite_static(void) { return SQLITE_STATIC; }

/* SQLite counts the memory that it uses, under a lock for the whole process, which costs threads that read side by side more
   than reading. Has no effect once the process has used SQLite. */
static inline void csqlite_count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
