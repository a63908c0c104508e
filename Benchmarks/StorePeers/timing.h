/* What the C programs share.
 *
 * PROGRAM ROW FILE COUNT [KEYS] does COUNT operations on each thread of the row, on the first so many keys, or all. It
 * prints how many nanoseconds all took, a sum that is the same for all programs, and by how many KiB the most memory ever
 * resident grew meanwhile.
 * PROGRAM fill FILE ROWS makes the file. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_KEYS = 100000, VALUE_LENGTH = 100, KEY_ROOM = 16 };
static size_t key_count = MOST_KEYS;
static char keys[MOST_KEYS][KEY_ROOM];
static size_t key_lengths[MOST_KEYS];
static char value[VALUE_LENGTH];

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void make_keys(void) {
  for (int i = 0; i < MOST_KEYS; i++) key_lengths[i] = (size_t)snprintf(keys[i], KEY_ROOM, "key-%d", i);
  memset(value, 'v', sizeof value);
}

/* The next row of a thread; all programs take the same ones. `state` begins with the thread's number and 1 more. */
static size_t next_row(uint64_t *state) {
  *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (size_t)((*state >> 33) % key_count);
}

static long most_resident_kib(void) {
  char line[256];
  long kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  if (!status) return 0;
  while (fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kib);
  fclose(status);
  return kib;
}

/* One thread of a row. */
struct worker {
  pthread_t thread;
  pthread_barrier_t *barrier;
  void (*prepare)(struct worker *);
  int64_t (*work)(struct worker *);
  void *connection;
  const char *file;
  long count;
  uint64_t random;
  int64_t sum;
};

static void *run_worker(void *argument) {
  struct worker *worker = argument;
  worker->prepare(worker);
  pthread_barrier_wait(worker->barrier);
  worker->sum = worker->work(worker);
  return NULL;
}

/* Runs so many threads, which all begin at once, and prints the result. */
static void time_threads(
    int threads, const char *file, long count, void (*prepare)(struct worker *), int64_t (*work)(struct worker *)) {
  struct worker workers[64] = {0};
  pthread_barrier_t barrier;
  int64_t sum = 0, begin;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
  for (int i = 0; i < threads; i++) {
    workers[i] = (struct worker){.barrier = &barrier, .prepare = prepare, .work = work, .file = file, .count = count,
                                 .random = (uint64_t)i + 1};
    if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0) fail("no thread");
  }
  pthread_barrier_wait(&barrier);
  begin = now();
  for (int i = 0; i < threads; i++) {
    pthread_join(workers[i].thread, NULL);
    sum += workers[i].sum;
  }
  printf("%lld %lld 0\n", (long long)(now() - begin), (long long)sum);
}
