/* LMDB, for scale: a memory-mapped tree, where who reads copies nothing and takes no lock of the system's.
 *
 * A value begins with the counter and the expiration. With `normal` the disk is not waited for (MDB_NOSYNC), which is
 * the nearest that LMDB has: a crash of the system may then damage the file, which it does not with SQLite. */
#include <lmdb.h>
#include <stddef.h>

#include "timing.h"

struct entry {
  int64_t counter, expiration;
  char value[VALUE_LENGTH];
};

static MDB_env *environment;
static MDB_dbi table;

static void check(int code) {
  if (code != MDB_SUCCESS) fail(mdb_strerror(code));
}

static int64_t get(MDB_txn *transaction, size_t row) {
  static _Thread_local char copy[VALUE_LENGTH];
  MDB_val key = {key_lengths[row], keys[row]}, found;
  struct entry *entry;
  check(mdb_get(transaction, table, &key, &found));
  entry = found.mv_data;
  memcpy(copy, entry->value, sizeof copy);
  return VALUE_LENGTH;
}

static void upsert(MDB_txn *transaction, size_t row) {
  MDB_val key = {key_lengths[row], keys[row]}, found;
  struct entry entry = {0};
  MDB_val made = {offsetof(struct entry, value) + VALUE_LENGTH, &entry};
  check(mdb_get(transaction, table, &key, &found));
  memcpy(&entry, found.mv_data, offsetof(struct entry, value));
  entry.counter++;
  memcpy(entry.value, value, sizeof value);
  check(mdb_put(transaction, table, &key, &made, 0));
}

static void prepare(struct worker *worker) {
  MDB_txn *transaction;
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
  for (size_t row = 0; row < key_count; row++) get(transaction, row);
  mdb_txn_reset(transaction);
  worker->connection = transaction;
}

static int64_t read_each(struct worker *worker) {
  int64_t sum = 0;
  for (long i = 0; i < worker->count; i++) {
    check(mdb_txn_renew(worker->connection));
    sum += get(worker->connection, next_row(&worker->random));
    mdb_txn_reset(worker->connection);
  }
  mdb_txn_abort(worker->connection);
  return sum;
}

static int64_t get_many(struct worker *worker) {
  int64_t sum = 0;
  check(mdb_txn_renew(worker->connection));
  for (long i = 0; i < worker->count; i++) sum += get(worker->connection, next_row(&worker->random));
  mdb_txn_abort(worker->connection);
  return sum;
}

static int64_t write_each(struct worker *worker) {
  mdb_txn_abort(worker->connection);
  for (long i = 0; i < worker->count; i++) {
    MDB_txn *transaction;
    check(mdb_txn_begin(environment, NULL, 0, &transaction));
    upsert(transaction, next_row(&worker->random));
    check(mdb_txn_commit(transaction));
  }
  return worker->count;
}

static void scan(void) {
  char key_copy[KEY_ROOM], copy[VALUE_LENGTH];
  int64_t sum = 0, begin;
  long resident;
  MDB_txn *transaction;
  MDB_cursor *cursor;
  MDB_val key, found;
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
  check(mdb_cursor_open(transaction, table, &cursor));
  resident = most_resident_kib();
  begin = now();
  while (mdb_cursor_get(cursor, &key, &found, MDB_NEXT) == MDB_SUCCESS) {
    struct entry *entry = found.mv_data;
    if (key.mv_size > KEY_ROOM || entry->expiration != 0 || entry->counter < 0) fail("a row is wrong");
    memcpy(key_copy, key.mv_data, key.mv_size);
    memcpy(copy, entry->value, sizeof copy);
    sum += VALUE_LENGTH;
  }
  printf("%lld %lld %ld\n", (long long)(now() - begin), (long long)sum, most_resident_kib() - resident);
  mdb_cursor_close(cursor);
  mdb_txn_abort(transaction);
}

static void fill(long count) {
  MDB_txn *transaction;
  struct entry entry = {0};
  memcpy(entry.value, value, sizeof value);
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  for (long i = 0; i < count; i++) {
    char text[KEY_ROOM];
    MDB_val key = {(size_t)snprintf(text, sizeof text, "key-%ld", i), text};
    MDB_val made = {offsetof(struct entry, value) + VALUE_LENGTH, &entry};
    check(mdb_put(transaction, table, &key, &made, 0));
  }
  check(mdb_txn_commit(transaction));
}

int main(int argc, char **argv) {
  MDB_txn *transaction;
  if (argc < 4) return 2;
  const char *row = argv[1], *file = argv[2];
  long count = atol(argv[3]);
  if (argc > 4) key_count = (size_t)atol(argv[4]);
  make_keys();
  check(mdb_env_create(&environment));
  check(mdb_env_set_mapsize(environment, 1UL << 30));
  check(mdb_env_open(
      environment, file, MDB_NOSUBDIR | MDB_NOTLS | (strncmp(row, "normal", 6) == 0 ? MDB_NOSYNC : 0), 0600));
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  check(mdb_dbi_open(transaction, NULL, 0, &table));
  check(mdb_txn_commit(transaction));
  if (strcmp(row, "fill") == 0) fill(count);
  else if (strcmp(row, "read-1") == 0) time_threads(1, file, count, prepare, read_each);
  else if (strcmp(row, "read-2") == 0) time_threads(2, file, count, prepare, read_each);
  else if (strcmp(row, "gets") == 0) time_threads(1, file, count, prepare, get_many);
  else if (strcmp(row, "normal-1") == 0) time_threads(1, file, count, prepare, write_each);
  else if (strcmp(row, "full-1") == 0) time_threads(1, file, count, prepare, write_each);
  else if (strcmp(row, "full-64") == 0) time_threads(64, file, count, prepare, write_each);
  else if (strcmp(row, "scan") == 0) scan();
  else return 2;
  mdb_env_close(environment);
  return 0;
}
