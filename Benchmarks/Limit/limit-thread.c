/* The wall that a thread per connection can reach: receive, find the empty line, send a fixed response.
 *
 * It parses nothing, checks nothing and cannot be told apart from the quick start's `GET /` by length: the ratio
 * of a server's rate to this one's says how much the server itself costs. Bodies of requests are not understood.
 * `limit-thread close` closes each connection after its first response, and says so in it. */
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

#define RESPONSE                                                                                  \
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"                                \
  "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 12\r\n"
#define BODY "\r\nHello world!"
#define CLOSING RESPONSE "Connection: close\r\n" BODY
enum { LENGTH = sizeof RESPONSE BODY - 1, AT_ONCE = 64 }; /* so many pipelined requests share one send */
static char responses[AT_ONCE * LENGTH];
static int closes;

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument, matched = 0; /* how much of CR LF CR LF the last bytes are */
  char input[4096];
  for (ssize_t count; (count = recv(fd, input, sizeof input, 0)) > 0;) {
    int requests = 0;
    for (ssize_t i = 0; i < count; i++) {
      matched = input[i] == "\r\n\r\n"[matched] ? matched + 1 : input[i] == '\r';
      if (matched == 4) requests++, matched = 0;
    }
    if (closes && requests > 0) {
      send(fd, CLOSING, sizeof CLOSING - 1, MSG_NOSIGNAL);
      break;
    }
    for (int now; requests > 0; requests -= now) {
      now = requests < AT_ONCE ? requests : AT_ONCE;
      if (send(fd, responses, (size_t)now * LENGTH, MSG_NOSIGNAL) < 0) requests = now;
    }
  }
  close(fd);
  return NULL;
}

int main(int count, char **arguments) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  closes = count > 1 && strcmp(arguments[1], "close") == 0;
  socklen_t size = sizeof address;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1024) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("limit-thread");
    return 1;
  }
  printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (int i = 0; i < AT_ONCE; i++) memcpy(responses + i * LENGTH, RESPONSE BODY, LENGTH);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0) close(fd);
  }
}
