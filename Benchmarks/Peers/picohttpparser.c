/* picohttpparser, which splits a head and checks no more than it must. */
#include "picohttpparser.h"
#include "timing.h"

static uint64_t parse(const char *head, size_t length) {
  const char *method, *path;
  size_t method_length, path_length, count = 100;
  int minor;
  struct phr_header headers[100];
  int read = phr_parse_request(head, length, &method, &method_length, &path, &path_length, &minor, headers, &count, 0);
  return read > 0 ? count + read : 0;
}

int main(int argc, char **argv) { return time_heads(argc, argv, parse); }
