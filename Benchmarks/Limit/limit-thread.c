/* The wall that a thread per connection can reach: receive, find the empty line, send a fixed response.
 * `limit.h` has what that is, and the arguments: none, `close`, or `bytes N`. `work N` has it do nothing for N nanoseconds of
 * processor time before each response. */
#include "limit.h"

#include <time.h>
#include <unistd.h>

static size_t turns; /* of the loop that does nothing, for each request */

static void do_nothing(size_t turns) {
  for (; turns > 0; turns--) __asm__ volatile("");
}

static size_t turns_in(size_t nanoseconds) {
  const size_t tried = 50 * 1000 * 1000;
  struct timespec before, after;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  do_nothing(tried);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  double taken = (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
  return (size_t)((double)tried / taken * (double)nanoseconds);
}

/* Returns whether all of it is out. */
static int send_all(int fd, const char *bytes, size_t size) {
  for (ssize_t count; size > 0; bytes += count, size -= (size_t)count)
    if ((count = send(fd, bytes, size, MSG_NOSIGNAL)) < 0) return 0;
  return 1;
}

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument, matched = 0, goes_on = 1;
  char input[4096];
  for (ssize_t count; goes_on && (count = recv(fd, input, sizeof input, 0)) > 0;) {
    size_t requests = count_requests(input, count, &matched);
    for (size_t now; goes_on && requests > 0; requests -= now) {
      now = requests < at_once ? requests : at_once;
      do_nothing(now * turns);
      goes_on = send_all(fd, responses, now * length) && !closes;
    }
  }
  close(fd);
  return NULL;
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  if (count > 2 && strcmp(arguments[1], "work") == 0) turns = turns_in(strtoul(arguments[2], NULL, 10));
  thread_per_connection(serve);
}
