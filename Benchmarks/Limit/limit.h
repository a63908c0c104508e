/* What the limits have in common: the response, where they listen, their arguments, and a thread for each connection.
 *
 * They parse nothing, check nothing and cannot be told apart from the quick start's `GET /` by length: the ratio of a
 * server's rate to theirs says how much the server itself costs. Bodies of requests are not understood.
 * `close` closes each connection after its first response, and says so in it; `bytes N` answers with N bytes of x. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD                                                           \
  "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"                            \
  "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: %zu\r\n%s\r\n"
static char *responses;        /* the same one, several times */
static size_t length, at_once; /* of one of them; how many pipelined requests share one send */
static int closes;

static inline void make_responses(const char *type, const char *body, size_t size) {
  char head[256];
  size_t head_size = (size_t)snprintf(head, sizeof head, HEAD, type, size, closes ? "Connection: close\r\n" : "");
  length = head_size + size;
  responses = malloc(at_once * length);
  for (size_t i = 0; i < at_once; i++) {
    memcpy(responses + i * length, head, head_size);
    memcpy(responses + i * length + head_size, body, size);
  }
}

static inline void read_arguments(int count, char **arguments) {
  closes = count > 1 && strcmp(arguments[1], "close") == 0;
  if (count > 2 && strcmp(arguments[1], "bytes") == 0) {
    size_t size = strtoul(arguments[2], NULL, 10);
    char *body = memset(malloc(size + 1), 'x', size);
    at_once = 1;
    make_responses("application/octet-stream", body, size);
    free(body);
  } else {
    at_once = closes ? 1 : 64;
    make_responses("text/plain; charset=utf-8", "Hello world!", 12);
  }
}

/* Listens on a port that the system chooses, and says which. */
static inline int listen_somewhere(int flags) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1024) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("listening");
    exit(1);
  }
  printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static inline void set_no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Counts the empty lines; `matched` is how much of CR LF CR LF the last bytes are. */
static inline size_t count_requests(const char *input, ssize_t count, int *matched) {
  size_t requests = 0;
  for (ssize_t i = 0; i < count; i++) {
    *matched = input[i] == "\r\n\r\n"[*matched] ? *matched + 1 : input[i] == '\r';
    if (*matched == 4) requests++, *matched = 0;
  }
  return requests;
}

/* Serves each connection, whose descriptor is the argument, on a thread of its own with a small stack. Does not return. */
static inline void thread_per_connection(void *(*serve)(void *)) {
  int listener = listen_somewhere(0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    set_no_delay(fd);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0) close(fd);
  }
}
