/* The wall that event loops can reach: a thread for each core, each with an epoll instance of its own, that receive, find the
 * empty line and send a fixed response. `limit.h` has what that is, and the arguments: none, `close`, or `bytes N`.
 *
 * What lies between `limit-thread` and this is what a thread per connection costs, or saves. All threads accept, and
 * one at a time is woken for it. Connections are given to them in turn, so that each has as many. */
#define _GNU_SOURCE /* for accept4 */
#include "limit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MOST_THREADS = 64, EVENTS = 256 };
struct connection {
  int fd, matched;   /* how much of CR LF CR LF the last bytes are */
  size_t owed, sent; /* responses that are not out yet, and the bytes of the first of them that are */
};
static int listener, threads, epolls[MOST_THREADS];
static atomic_uint accepted;

static void watch(int epoll, int operation, int fd, uint32_t events, struct connection *connection) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(epoll, operation, fd, &event);
}

static void accept_one(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return; /* Another thread was faster. */
  set_no_delay(fd);
  struct connection *connection = calloc(1, sizeof *connection);
  connection->fd = fd;
  watch(epolls[atomic_fetch_add(&accepted, 1) % (unsigned)threads], EPOLL_CTL_ADD, fd, EPOLLIN, connection);
}

/* Returns whether the connection goes on. */
static int receive(struct connection *connection) {
  char input[4096];
  ssize_t count = recv(connection->fd, input, sizeof input, 0);
  connection->owed += count_requests(input, count, &connection->matched);
  return count > 0;
}

/* Sends what is owed. What the system does not take now is sent when it does, and nothing is received until then.
 * Returns whether the connection goes on. */
static int answer(int epoll, struct connection *connection, int has_waited) {
  while (connection->owed > 0) {
    size_t now = connection->owed < at_once ? connection->owed : at_once;
    size_t size = now * length - connection->sent;
    ssize_t count = send(connection->fd, responses + connection->sent, size, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return 0;
    if (count > 0) connection->sent += (size_t)count;
    connection->owed -= connection->sent / length;
    connection->sent %= length;
    if (count < (ssize_t)size) {
      if (!has_waited) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLOUT, connection);
      return 1;
    }
    if (closes) return 0;
  }
  if (has_waited) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
  return 1;
}

static void *serve(void *argument) {
  int epoll = (int)(intptr_t)argument;
  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) {
        accept_one();
        continue;
      }
      int has_waited = connection->owed > 0;
      if ((!has_waited && !receive(connection)) || !answer(epoll, connection, has_waited)) {
        close(connection->fd);
        free(connection);
      }
    }
  }
  return NULL;
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  listener = listen_somewhere(SOCK_NONBLOCK);
  threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  for (int i = 0; i < threads; i++) epolls[i] = epoll_create1(0);
  for (int i = 0; i < threads; i++) {
    watch(epolls[i], EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLEXCLUSIVE, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, (void *)(intptr_t)epolls[i]);
  }
  for (;;) pause();
}
