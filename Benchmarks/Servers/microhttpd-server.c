/* GNU libmicrohttpd with a thread per connection: the same architecture as ours, in C. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct MHD_Response *hello, *small, *large, *missing;
static const char *file;

static struct MHD_Response *of_type(struct MHD_Response *response, const char *type) {
  MHD_add_response_header(response, "Content-Type", type);
  return response;
}

static struct MHD_Response *text(const char *text, enum MHD_ResponseMemoryMode mode) {
  return of_type(MHD_create_response_from_buffer(strlen(text), (void *)text, mode), "text/plain; charset=utf-8");
}

static struct MHD_Response *bytes(size_t count) {
  char *body = memset(malloc(count), 'x', count);
  return of_type(
      MHD_create_response_from_buffer(count, body, MHD_RESPMEM_PERSISTENT), "application/octet-stream");
}

/* Sends a response that is used once. */
static enum MHD_Result queue(struct MHD_Connection *connection, struct MHD_Response *response) {
  enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
  MHD_destroy_response(response);
  return result;
}

static enum MHD_Result queue_file(struct MHD_Connection *connection) {
  struct stat status;
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) < 0) return MHD_NO;
  struct MHD_Response *response = MHD_create_response_from_fd((size_t)status.st_size, fd);
  return queue(connection, of_type(response, "application/octet-stream"));
}

static enum MHD_Result answer(
    void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **request) {
  if (*request == NULL) { /* The head alone is there. A response to it would be the connection's last. */
    *request = (void *)1;
    return MHD_YES;
  }
  if (*size > 0) { /* A piece of the body. The pointer is free for us to use: it counts bytes, from 1. */
    *request = (void *)((uintptr_t)*request + *size);
    *size = 0;
    return MHD_YES;
  }
  if (strcmp(url, "/") == 0) return MHD_queue_response(connection, MHD_HTTP_OK, hello);
  if (strcmp(url, "/64k") == 0) return MHD_queue_response(connection, MHD_HTTP_OK, small);
  if (strcmp(url, "/10m") == 0) return MHD_queue_response(connection, MHD_HTTP_OK, large);
  if (strcmp(url, "/file") == 0) return queue_file(connection);
  if (strcmp(url, "/upload") == 0) {
    char number[32];
    snprintf(number, sizeof number, "%zu", (size_t)((uintptr_t)*request - 1));
    return queue(connection, text(number, MHD_RESPMEM_MUST_COPY));
  }
  return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, missing);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  file = arguments[1];
  hello = text("Hello world!", MHD_RESPMEM_PERSISTENT);
  small = bytes(64 << 10);
  large = bytes(10 << 20);
  missing = text("Not found!", MHD_RESPMEM_PERSISTENT);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct MHD_Daemon *daemon = MHD_start_daemon(
      MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, answer, NULL,
      MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, 15000, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024,
      MHD_OPTION_END);
  if (daemon == NULL) {
    perror("microhttpd-server");
    return 1;
  }
  printf("Listening on 127.0.0.1:%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
  fflush(stdout);
  for (;;) pause();
}
