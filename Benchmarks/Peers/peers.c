/* Times llhttp and picohttpparser on one head, as core-benchmark times HTTPCore. Their sources are not part of this
   repository; scripts/bench-heads says where it looks for them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "llhttp.h"
#include "picohttpparser.h"

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Callbacks that do nothing, but are called: a server needs the spans. */
static int on_span(llhttp_t *p, const char *at, size_t length) { (void)p; (void)at; (void)length; return 0; }
static int on_event(llhttp_t *p) { (void)p; return 0; }

static llhttp_settings_t settings;
static llhttp_t parser;

static uint64_t with_llhttp(const char *head, size_t length) {
  llhttp_reset(&parser);
  return llhttp_execute(&parser, head, length) == HPE_OK ? parser.method + length : 0;
}

static uint64_t with_pico(const char *head, size_t length) {
  const char *method, *path;
  size_t method_length, path_length, count = 100;
  int minor;
  struct phr_header headers[100];
  int read = phr_parse_request(head, length, &method, &method_length, &path, &path_length, &minor, headers, &count, 0);
  return read > 0 ? count + read : 0;
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: peers llhttp|pico FILE COUNT\n"); return 2; }
  static char bytes[4 << 20];
  FILE *file = fopen(argv[2], "rb");
  size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  long count = atol(argv[3]);
  llhttp_settings_init(&settings);
  settings.on_url = settings.on_header_field = settings.on_header_value = settings.on_body = on_span;
  settings.on_message_begin = settings.on_headers_complete = settings.on_message_complete = on_event;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  uint64_t (*parse)(const char *, size_t) = strcmp(argv[1], "pico") ? with_llhttp : with_pico;
  uint64_t sum = 0;
  int64_t begin = now();
  for (long i = 0; i < count; i++) sum += parse(bytes, length);
  printf("%.1f %llu\n", (double)(now() - begin) / count, (unsigned long long)sum);
  return 0;
}
