/* What both programs share: PROGRAM request|response FILE COUNT prints nanoseconds a message, and a checksum. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int time_messages(
    int argc, char **argv, uint64_t (*read_request)(const char *, size_t),
    uint64_t (*read_response)(const char *, size_t)) {
  static char bytes[2 << 20];
  if (argc != 4) return 2;
  uint64_t (*parse)(const char *, size_t) = strcmp(argv[1], "request") == 0 ? read_request : read_response;
  FILE *file = fopen(argv[2], "rb");
  if (!file) return 2;
  size_t length = fread(bytes, 1, sizeof bytes, file);
  long count = atol(argv[3]);
  uint64_t sum = 0;
  int64_t begin = now();
  for (long i = 0; i < count; i++) sum += parse(bytes, length);
  printf("%.1f %llu\n", (double)(now() - begin) / count, (unsigned long long)sum);
  return sum == 0;
}
