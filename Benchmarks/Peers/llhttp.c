/* llhttp with callbacks that do nothing, but are called: a server needs the spans. */
#include "llhttp.h"
#include "timing.h"

static llhttp_settings_t settings;
static llhttp_t parser;

static int on_span(llhttp_t *p, const char *at, size_t length) { (void)p; (void)at; (void)length; return 0; }
static int on_event(llhttp_t *p) { (void)p; return 0; }

static uint64_t parse(const char *head, size_t length) {
  llhttp_reset(&parser);
  return llhttp_execute(&parser, head, length) == HPE_OK ? parser.method + length : 0;
}

int main(int argc, char **argv) {
  llhttp_settings_init(&settings);
  settings.on_url = settings.on_header_field = settings.on_header_value = on_span;
  settings.on_headers_complete = settings.on_message_complete = on_event;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  return time_heads(argc, argv, parse);
}
