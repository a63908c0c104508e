/* llhttp with callbacks that do nothing, but are called: a server needs the spans. */
#include "llhttp.h"
#include "timing.h"

static llhttp_settings_t settings;
static llhttp_t request_parser, response_parser;

static int on_span(llhttp_t *p, const char *at, size_t length) { (void)p; (void)at; (void)length; return 0; }
static int on_event(llhttp_t *p) { (void)p; return 0; }

static uint64_t parse(llhttp_t *parser, const char *message, size_t length) {
  llhttp_reset(parser);
  return llhttp_execute(parser, message, length) == HPE_OK ? parser->method + length : 0;
}

static uint64_t read_request(const char *message, size_t length) { return parse(&request_parser, message, length); }
static uint64_t read_response(const char *message, size_t length) { return parse(&response_parser, message, length); }

int main(int argc, char **argv) {
  llhttp_settings_init(&settings);
  settings.on_url = settings.on_header_field = settings.on_header_value = settings.on_body = on_span;
  settings.on_headers_complete = settings.on_message_complete = on_event;
  llhttp_init(&request_parser, HTTP_REQUEST, &settings);
  llhttp_init(&response_parser, HTTP_RESPONSE, &settings);
  return time_messages(argc, argv, read_request, read_response);
}
