/* A line a request in a file, as an access log has it: put together by hand in the buffer of all, and written by a thread
 * of its own every 10 ms. A limit, too: nothing is escaped or bounded, and no line is ever dropped. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_ROOM = 64 << 20, LONGEST_LINE = 8192 };
static struct {
  pthread_mutex_t lock;
  char *lines, *written;
  size_t size;
  int file;
} log_ = {.lock = PTHREAD_MUTEX_INITIALIZER, .file = -1};

static inline char *add(char *end, const char *text, size_t size) { return (char *)memcpy(end, text, size) + size; }

static inline char *add_number(char *end, uint64_t number, int width) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0 || count < width);
  while (count > 0) *end++ = digits[--count];
  return end;
}

static inline uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void log_line(const char *line, size_t size) {
  pthread_mutex_lock(&log_.lock);
  if (log_.size + size <= LOG_ROOM) {
    memcpy(log_.lines + log_.size, line, size);
    log_.size += size;
  }
  pthread_mutex_unlock(&log_.lock);
}

static void *write_log(void *unused) {
  for (;; nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL)) {
    pthread_mutex_lock(&log_.lock);
    char *lines = log_.lines;
    size_t size = log_.size;
    log_.lines = log_.written;
    log_.size = 0;
    pthread_mutex_unlock(&log_.lock);
    log_.written = lines;
    for (ssize_t count; size > 0 && (count = write(log_.file, lines, size)) > 0; lines += count) size -= (size_t)count;
  }
  return unused;
}

static inline int open_log(const char *path) {
  pthread_t thread;
  log_.lines = malloc(LOG_ROOM);
  log_.written = malloc(LOG_ROOM);
  log_.file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  return log_.file >= 0 && pthread_create(&thread, NULL, write_log, NULL) == 0;
}
