/* What both programs share: PROGRAM FILE COUNT prints nanoseconds a head, and a checksum. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int time_heads(int argc, char **argv, uint64_t (*parse)(const char *, size_t)) {
  static char bytes[65536];
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 2;
  size_t length = fread(bytes, 1, sizeof bytes, file);
  long count = atol(argv[2]);
  uint64_t sum = 0;
  int64_t begin = now();
  for (long i = 0; i < count; i++) sum += parse(bytes, length);
  printf("%.1f %llu\n", (double)(now() - begin) / count, (unsigned long long)sum);
  return sum == 0;
}
