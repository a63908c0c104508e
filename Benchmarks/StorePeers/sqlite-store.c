/* The least that a store on SQLite can do: its API alone, with the settings and the tables of ours. It checks no key, and
 * an upsert does not tell the counter. */
#include <sqlite3.h>

#include "timing.h"

#define TABLE(name)                                                                                        \
  "CREATE TABLE " name                                                                                     \
  " (key TEXT PRIMARY KEY, counter INTEGER NOT NULL, expiration INTEGER NOT NULL, value BLOB NOT NULL) "   \
  "STRICT; CREATE INDEX \"" name " expiration\" ON " name " (expiration) WHERE expiration > 0;"
#define SELECT "SELECT expiration, counter, value FROM rows WHERE key = ?1"
#define SCAN "SELECT key, expiration, counter, value FROM rows ORDER BY key"
#define UPSERT                                                                                             \
  "INSERT INTO rows (key, value, counter, expiration) VALUES (?1, ?2, 0, ?3) ON CONFLICT (key) DO UPDATE " \
  "SET value = excluded.value, counter = counter + 1, expiration = excluded.expiration "                   \
  "WHERE counter < 9223372036854775807"

/* A connection and its prepared statements. */
struct connection {
  sqlite3 *handle;
  sqlite3_stmt *begin, *commit, *select, *upsert;
};

static void check(sqlite3 *handle, int code) {
  if (code != SQLITE_OK) fail(sqlite3_errmsg(handle));
}

static void execute(sqlite3 *handle, const char *sql) { check(handle, sqlite3_exec(handle, sql, NULL, NULL, NULL)); }

static sqlite3_stmt *prepared(sqlite3 *handle, const char *sql) {
  sqlite3_stmt *statement;
  check(handle, sqlite3_prepare_v3(handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
  return statement;
}

static sqlite3 *opened(const char *file, int mode, const char *synchronous) {
  sqlite3 *handle;
  check(handle, sqlite3_open_v2(file, &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
  check(handle, sqlite3_busy_timeout(handle, 5000));
  if (mode & SQLITE_OPEN_CREATE) execute(handle, "PRAGMA auto_vacuum = INCREMENTAL");
  if (mode & SQLITE_OPEN_READWRITE) execute(handle, "PRAGMA journal_mode = WAL");
  execute(handle, synchronous);
  /* Ours has as much for the one that writes, and for each that reads. */
  execute(handle, mode & SQLITE_OPEN_READWRITE ? "PRAGMA cache_size = -64000" : "PRAGMA cache_size = -16000");
  return handle;
}

static void step_to_end(sqlite3_stmt *statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) fail(sqlite3_errmsg(sqlite3_db_handle(statement)));
  sqlite3_reset(statement);
}

static struct connection *connected(const char *file, int mode, const char *synchronous) {
  struct connection *connection = calloc(1, sizeof *connection);
  connection->handle = opened(file, mode, synchronous);
  connection->commit = prepared(connection->handle, "COMMIT");
  connection->select = prepared(connection->handle, SELECT);
  if (mode & SQLITE_OPEN_READWRITE) {
    connection->begin = prepared(connection->handle, "BEGIN IMMEDIATE");
    connection->upsert = prepared(connection->handle, UPSERT);
  } else {
    connection->begin = prepared(connection->handle, "BEGIN");
  }
  return connection;
}

static void disconnect(struct connection *connection) {
  sqlite3_finalize(connection->begin);
  sqlite3_finalize(connection->commit);
  sqlite3_finalize(connection->select);
  sqlite3_finalize(connection->upsert);
  check(connection->handle, sqlite3_close(connection->handle));
  free(connection);
}

/* Copies a value out, and gives its length. */
static int64_t get(struct connection *connection, size_t row) {
  static _Thread_local char copy[VALUE_LENGTH];
  sqlite3_stmt *select = connection->select;
  int length;
  const void *bytes;
  check(connection->handle, sqlite3_bind_text(select, 1, keys[row], (int)key_lengths[row], SQLITE_STATIC));
  if (sqlite3_step(select) != SQLITE_ROW) fail("a row is missing");
  if (sqlite3_column_int64(select, 0) != 0 || sqlite3_column_int64(select, 1) < 0) fail("a row is wrong");
  bytes = sqlite3_column_blob(select, 2);
  length = sqlite3_column_bytes(select, 2);
  if (length > VALUE_LENGTH) fail("a value is too long");
  memcpy(copy, bytes, (size_t)length);
  sqlite3_reset(select);
  sqlite3_clear_bindings(select);
  return length;
}

static void upsert(struct connection *connection, size_t row) {
  sqlite3_stmt *upsert = connection->upsert;
  check(connection->handle, sqlite3_bind_text(upsert, 1, keys[row], (int)key_lengths[row], SQLITE_STATIC));
  check(connection->handle, sqlite3_bind_blob(upsert, 2, value, VALUE_LENGTH, SQLITE_STATIC));
  check(connection->handle, sqlite3_bind_int64(upsert, 3, 0));
  step_to_end(upsert);
  if (sqlite3_changes(connection->handle) != 1) fail("an upsert is wrong");
  sqlite3_clear_bindings(upsert);
}

static struct connection *writer;

static void write_one(size_t row) {
  step_to_end(writer->begin);
  upsert(writer, row);
  step_to_end(writer->commit);
}

/* Reading: a connection for each thread, which has read every row once before. */

static void prepare_reading(struct worker *worker) {
  struct connection *connection = connected(worker->file, SQLITE_OPEN_READONLY, "");
  step_to_end(connection->begin);
  for (size_t row = 0; row < key_count; row++) get(connection, row);
  step_to_end(connection->commit);
  worker->connection = connection;
}

static int64_t read_each(struct worker *worker) {
  struct connection *connection = worker->connection;
  int64_t sum = 0;
  for (long i = 0; i < worker->count; i++) {
    step_to_end(connection->begin);
    sum += get(connection, next_row(&worker->random));
    step_to_end(connection->commit);
  }
  return sum;
}

static int64_t get_many(struct worker *worker) {
  struct connection *connection = worker->connection;
  int64_t sum = 0;
  step_to_end(connection->begin);
  for (long i = 0; i < worker->count; i++) sum += get(connection, next_row(&worker->random));
  step_to_end(connection->commit);
  return sum;
}

/* Writing, a commit for each. */

static void read_all(void) {
  step_to_end(writer->begin);
  for (size_t row = 0; row < key_count; row++) get(writer, row);
  step_to_end(writer->commit);
}

static void prepare_writing(struct worker *worker) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)worker;
  pthread_once(&once, read_all);
}

static int64_t write_each(struct worker *worker) {
  for (long i = 0; i < worker->count; i++) write_one(next_row(&worker->random));
  return worker->count;
}

/* Writing by many threads: whoever finds nobody writing leads. It takes all that wait, writes and commits them together,
 * wakes them, and lets the first of those who came meanwhile lead. */

struct place {
  size_t row;
  enum { WAITS, LEADS, DONE } state;
  pthread_cond_t changed;
  struct place *next;
};

static pthread_mutex_t line_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct place *first, **last = &first;
static int somebody_leads;

static void write_in_group(struct place *place) {
  struct place *group;
  pthread_mutex_lock(&line_mutex);
  place->state = WAITS;
  place->next = NULL;
  *last = place;
  last = &place->next;
  if (somebody_leads) {
    while (place->state == WAITS) pthread_cond_wait(&place->changed, &line_mutex);
    if (place->state == DONE) {
      pthread_mutex_unlock(&line_mutex);
      return;
    }
  }
  somebody_leads = 1;
  group = first;
  first = NULL;
  last = &first;
  pthread_mutex_unlock(&line_mutex);

  step_to_end(writer->begin);
  for (struct place *each = group; each; each = each->next) upsert(writer, each->row);
  step_to_end(writer->commit);

  pthread_mutex_lock(&line_mutex);
  for (struct place *each = group, *next; each; each = next) {
    next = each->next; /* its owner may be gone as soon as the mutex is free */
    each->state = DONE;
    if (each != place) pthread_cond_signal(&each->changed);
  }
  somebody_leads = first != NULL;
  if (first) {
    first->state = LEADS;
    pthread_cond_signal(&first->changed);
  }
  pthread_mutex_unlock(&line_mutex);
}

static int64_t write_grouped(struct worker *worker) {
  struct place place = {.changed = PTHREAD_COND_INITIALIZER};
  for (long i = 0; i < worker->count; i++) {
    place.row = next_row(&worker->random);
    write_in_group(&place);
  }
  return worker->count;
}

/* All rows in the order of their keys. */
static void scan(const char *file) {
  char key[KEY_ROOM], copy[VALUE_LENGTH];
  int64_t sum = 0, begin;
  long resident;
  sqlite3 *handle = opened(file, SQLITE_OPEN_READONLY, "");
  sqlite3_stmt *rows = prepared(handle, SCAN);
  execute(handle, "BEGIN");
  resident = most_resident_kib();
  begin = now();
  while (sqlite3_step(rows) == SQLITE_ROW) {
    const void *text = sqlite3_column_text(rows, 0);
    int length = sqlite3_column_bytes(rows, 0);
    const void *bytes;
    if (length > KEY_ROOM) fail("a key is too long");
    memcpy(key, text, (size_t)length);
    if (sqlite3_column_int64(rows, 1) != 0 || sqlite3_column_int64(rows, 2) < 0) fail("a row is wrong");
    bytes = sqlite3_column_blob(rows, 3);
    length = sqlite3_column_bytes(rows, 3);
    if (length > VALUE_LENGTH) fail("a value is too long");
    memcpy(copy, bytes, (size_t)length);
    sum += length;
  }
  sqlite3_reset(rows);
  execute(handle, "COMMIT");
  printf("%lld %lld %ld\n", (long long)(now() - begin), (long long)sum, most_resident_kib() - resident);
  sqlite3_finalize(rows);
  sqlite3_close(handle);
}

static void fill(const char *file, long count, int length) {
  void *bytes = calloc(1, (size_t)length);
  sqlite3 *handle = opened(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "PRAGMA synchronous = NORMAL");
  sqlite3_stmt *insert;
  char key[KEY_ROOM];
  execute(handle, TABLE("rows"));
  insert = prepared(handle, "INSERT INTO rows (key, value, counter, expiration) VALUES (?1, ?2, 0, 0)");
  execute(handle, "BEGIN");
  for (long i = 0; i < count; i++) {
    sqlite3_bind_text(insert, 1, key, snprintf(key, sizeof key, "key-%ld", i), SQLITE_STATIC);
    sqlite3_bind_blob(insert, 2, bytes, length, SQLITE_STATIC);
    step_to_end(insert);
  }
  execute(handle, "COMMIT");
  sqlite3_finalize(insert);
  check(handle, sqlite3_close(handle));
  free(bytes);
}

/* ROW FILE COUNT [KEYS] measures; `fill` FILE COUNT [BYTES] makes a file whose values have so many bytes. */
int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const char *row = argv[1], *file = argv[2];
  long count = atol(argv[3]);
  if (strcmp(row, "fill") == 0) {
    fill(file, count, argc > 4 ? atoi(argv[4]) : VALUE_LENGTH);
    return 0;
  }
  if (argc > 4) key_count = (size_t)atol(argv[4]);
  make_keys();
  int is_full = strncmp(row, "full", 4) == 0;
  writer = connected(
      file, SQLITE_OPEN_READWRITE, is_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  /* Programs that read have mostly written something since they began: without that there would be no log to look into. */
  write_one(0);
  if (strcmp(row, "read-1") == 0) time_threads(1, file, count, prepare_reading, read_each);
  else if (strcmp(row, "read-2") == 0) time_threads(2, file, count, prepare_reading, read_each);
  else if (strcmp(row, "gets") == 0) time_threads(1, file, count, prepare_reading, get_many);
  else if (strcmp(row, "normal-1") == 0) time_threads(1, file, count, prepare_writing, write_each);
  else if (strcmp(row, "full-1") == 0) time_threads(1, file, count, prepare_writing, write_each);
  else if (strcmp(row, "full-64") == 0) time_threads(64, file, count, prepare_writing, write_grouped);
  else if (strcmp(row, "scan") == 0) scan(file);
  else return 2;
  disconnect(writer);
  return 0;
}
