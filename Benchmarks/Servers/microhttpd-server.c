/* GNU libmicrohttpd with a thread per connection: the same architecture as ours, in C. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static struct MHD_Response *hello;

static enum MHD_Result answer(
    void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **request) {
  if (*request == NULL) { /* The head alone is there. A response to it would be the connection's last. */
    *request = connection;
    return MHD_YES;
  }
  return MHD_queue_response(connection, MHD_HTTP_OK, hello);
}

int main(void) {
  hello = MHD_create_response_from_buffer(12, "Hello world!", MHD_RESPMEM_PERSISTENT);
  MHD_add_response_header(hello, "Content-Type", "text/plain; charset=utf-8");
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
