/* The wall that a thread per connection can reach: receive, find the empty line, send a fixed response.
 * `limit.h` has what that is, and the arguments: none, `close`, or `bytes N`. */
#include "limit.h"

#include <unistd.h>

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
      goes_on = send_all(fd, responses, now * length) && !closes;
    }
  }
  close(fd);
  return NULL;
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  thread_per_connection(serve);
}
