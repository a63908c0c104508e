/* picohttpparser, which splits a head and checks no more than it must. It knows nothing of content: only heads are read. */
#include "picohttpparser.h"
#include "timing.h"

static struct phr_header headers[100];

static uint64_t read_request(const char *head, size_t length) {
  const char *method, *path;
  size_t method_length, path_length, count = 100;
  int minor;
  int read = phr_parse_request(head, length, &method, &method_length, &path, &path_length, &minor, headers, &count, 0);
  return read > 0 ? count + read : 0;
}

static uint64_t read_response(const char *head, size_t length) {
  const char *reason;
  size_t reason_length, count = 100;
  int minor, status;
  int read = phr_parse_response(head, length, &minor, &status, &reason, &reason_length, headers, &count, 0);
  return read > 0 ? count + read : 0;
}

int main(int argc, char **argv) { return time_messages(argc, argv, read_request, read_response); }
