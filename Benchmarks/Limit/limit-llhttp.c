/* limit-thread with a parser and a response made for each request: llhttp looks at every byte, the place of each field is
 * kept, and the response's head is put together with its date and length. What lies between limit-thread and this is what
 * any server pays that reads what it is asked; checks of Host, deadlines, routes and handlers come on top.
 * The name of a file as the argument adds a line a request there, as an access log has it.
 * Built where llhttp's sources are at hand. */
#include "limit.h"
#include "log.h"

#include <llhttp.h>

enum { MOST_FIELDS = 64, ROOM = 65536 };
struct part {
  const char *bytes;
  size_t length;
};
struct connection {
  llhttp_t parser; /* first, so that its callbacks find the rest */
  struct part target, names[MOST_FIELDS], values[MOST_FIELDS];
  size_t fields, made;
  time_t second, logged_second;
  uint64_t began, number;
  char date[64], logged_date[20], output[ROOM];
};

/* What is sent in one piece is told in one piece here: a request is received whole. */
static void keep(struct part *part, const char *bytes, size_t size) { *part = (struct part){bytes, size}; }

static int begin(llhttp_t *parser) {
  struct connection *connection = (struct connection *)parser;
  connection->fields = 0;
  if (log_.file >= 0) connection->began = nanoseconds();
  return 0;
}

static int keep_target(llhttp_t *parser, const char *bytes, size_t size) {
  keep(&((struct connection *)parser)->target, bytes, size);
  return 0;
}

static int keep_name(llhttp_t *parser, const char *bytes, size_t size) {
  struct connection *connection = (struct connection *)parser;
  if (connection->fields == MOST_FIELDS) return -1;
  keep(&connection->names[connection->fields], bytes, size);
  return 0;
}

static int keep_value(llhttp_t *parser, const char *bytes, size_t size) {
  struct connection *connection = (struct connection *)parser;
  keep(&connection->values[connection->fields++], bytes, size);
  return 0;
}

static char *add_field(char *end, const struct connection *connection, const char *name, size_t size) {
  for (size_t i = 0; i < connection->fields; i++)
    if (connection->names[i].length == size && strncasecmp(connection->names[i].bytes, name, size) == 0)
      return add(end, connection->values[i].bytes, connection->values[i].length);
  return add(end, "-", 1);
}

static void log_exchange(struct connection *connection, int status, size_t size) {
  char line[LONGEST_LINE], *end = line;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != connection->logged_second) {
    struct tm parts;
    connection->logged_second = now.tv_sec;
    strftime(connection->logged_date, sizeof connection->logged_date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &parts));
  }
  uint64_t microseconds = (nanoseconds() - connection->began) / 1000;
  end = add(end, connection->logged_date, 19);
  end = add(end, ".", 1);
  end = add_number(end, (uint64_t)now.tv_nsec / 1000000, 3);
  end = add(end, "Z 127.0.0.1 \"GET ", 17);
  end = add(end, connection->target.bytes, connection->target.length);
  end = add(end, " HTTP/1.1\" ", 11);
  end = add_number(end, (uint64_t)status, 3);
  end = add(end, " ", 1);
  end = add_number(end, size, 1);
  end = add(end, " ", 1);
  end = add_number(end, microseconds / 1000, 1);
  end = add(end, ".", 1);
  end = add_number(end, microseconds % 1000, 3);
  end = add(end, "ms \"", 4);
  end = add_field(end, connection, "Referer", 7);
  end = add(end, "\" \"", 3);
  end = add_field(end, connection, "User-Agent", 10);
  end = add(end, "\" ", 2);
  end = add_number(end, (uintptr_t)connection, 1);
  end = add(end, "-", 1);
  end = add_number(end, connection->number++, 1);
  end = add(end, "\n", 1);
  log_line(line, (size_t)(end - line));
}

static int answer(llhttp_t *parser) {
  struct connection *connection = (struct connection *)parser;
  static const char body[] = "Hello world!";
  time_t now = time(NULL);
  if (connection->target.length != 1 || connection->made + 512 > ROOM) return -1;
  if (now != connection->second) {
    struct tm parts;
    connection->second = now;
    strftime(connection->date, sizeof connection->date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
  }
  connection->made += (size_t)snprintf(
      connection->output + connection->made, 512,
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nDate: %s\r\nContent-Length: %zu\r\n\r\n%s", 200, "OK",
      "text/plain; charset=utf-8", connection->date, sizeof body - 1, body);
  if (log_.file >= 0) log_exchange(connection, 200, sizeof body - 1);
  return 0;
}

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char input[4096];
  struct connection *connection = calloc(1, sizeof *connection);
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_message_begin = begin;
  settings.on_url = keep_target;
  settings.on_header_field = keep_name;
  settings.on_header_value = keep_value;
  settings.on_message_complete = answer;
  llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
  for (ssize_t count; (count = recv(fd, input, sizeof input, 0)) > 0; connection->made = 0) {
    if (llhttp_execute(&connection->parser, input, (size_t)count) != HPE_OK) break;
    if (connection->made > 0 && send(fd, connection->output, connection->made, MSG_NOSIGNAL) < 0) break;
  }
  free(connection);
  close(fd);
  return NULL;
}

int main(int count, char **arguments) {
  if (count > 1 && !open_log(arguments[1])) {
    perror(arguments[1]);
    return 1;
  }
  thread_per_connection(serve);
}
