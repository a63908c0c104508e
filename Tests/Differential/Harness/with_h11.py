"""Compares HTTPCore with h11: both read the same generated messages, then talk to each other."""

import random
import re
import sys

import h11

import cases
import conversations
from compare import Rule, Tally, contains, from_core, normalised, text
from generate import Generator


def any_host_is_bad(wire):
    for value in re.findall(rb"(?im)^host:[ \t]*(.*?)[ \t]*\r?\n", wire):
        found = re.fullmatch(rb"(?:\[[\w\-.~!$&'()*+,;=:]+\]|[\w\-.~!$&'()*+,;=%]*)(?::(\d*))?", value)
        if not found or int(found[1] or 0) > 65535 or value.startswith(b":") or len(found[1] or b"") > 5:
            return True
    return False


def framed(status):
    """Whether the head of a response of this status has fields that would frame content."""
    return contains(rb"HTTP/1\.\d " + status + rb"\b(?:(?!\n\r\n).)*\n(?:content-length|transfer-encoding):")


BAD_FRAMING = "Only Transfer-Encoding|multiple Transfer-Encoding|bad Content-Length|conflicting Content-Length"
CONTROL = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
FORBIDDEN_TRAILER = rb"""\r?\n0+[^\n]*\n(?:[^\n]+\n)*(?:transfer-encoding|content-(?:length|encoding|type|range)|host|connection
    |keep-alive|upgrade|te|trailer|expect|max-forwards|cache-control|range|if-[^\n:]*|authorization|www-authenticate
    |proxy-(?:authenticate|authorization|connection)|cookie|set-cookie):"""
# What h11 takes and we refuse, and the other way round.
RULES = [
    Rule("we refuse", "^bareLineFeed$", "bare LF, bare CR", contains(rb"(?<!\r)\n")),
    Rule("we refuse", "^(malformed|invalid)", "bare LF, bare CR", contains(rb"(?<!\r)\n")),
    Rule("we refuse", "^lineFolding$", "line folding", contains(rb"\n[ \t]")),
    Rule("we refuse", "^bothLengthAndTransferEncoding$", "Content-Length and Transfer-Encoding",
         lambda wire: contains(rb"\ncontent-length:")(wire) and contains(rb"\ntransfer-encoding:")(wire)),
    Rule("we refuse", "^transferEncodingBeforeHTTP11$", "Transfer-Encoding in HTTP/1.0",
         contains(rb"HTTP/1\.0.*\ntransfer-encoding:")),
    Rule("we refuse", "^unsupportedVersion$", "major version other than 1", contains(rb"HTTP/[02-9]\.\d")),
    Rule("we refuse", "^repeatedContentLength$", "Content-Length that stands twice, or a list",
         contains(rb"\ncontent-length:.*\ncontent-length:")),
    Rule("we refuse", "^invalidContentLength$", "Content-Length that stands twice, or a list",
         contains(rb"\ncontent-length:[^\n]*,")),
    Rule("we refuse", "^invalidContentLength$", "numbers too large", contains(rb"\ncontent-length:[ \t]*\d{19}")),
    Rule("we refuse", "^(invalidTarget|malformedRequestLine)$", "forms of targets", contains(rb"(^|\n)\S+ [^ ]*(#|://)[^ ]* HTTP/")),
    Rule("we refuse", "^targetDoesNotFitMethod$", "forms of targets", contains(rb"(^|\n)(CONNECT|\S+ [^/ ])")),
    Rule("we refuse", "^invalidHost$", "Host", any_host_is_bad),
    Rule("we refuse", "^(missing|repeated)Host$", "Host", contains(rb"HTTP/1\.[2-9]")),
    Rule("we refuse", "^(invalidFieldValue|invalidReason)$", "control bytes in values", contains(CONTROL)),
    Rule("we refuse", "^malformedChunk$", "white space after a chunk's size", contains(rb"\n[\da-f]+[ \t]+\r\n")),
    Rule("we refuse", "^malformedChunk$", "chunk extensions", contains(rb"\n[\da-f]+;[^\n]*[\0-\x08\x0b-\x1f\x7f][^\n]*\n")),
    Rule("we refuse", "^forbiddenTrailer$", "trailers", re.compile(FORBIDDEN_TRAILER, re.VERBOSE | re.IGNORECASE).search),
    Rule("we refuse", "^startLineTooLong$", "a target longer than we take", contains(rb"[^\n]{8190}")),
    Rule("we refuse", "^(headTooLarge|tooManyFields)$", "a head larger than we take", lambda wire: len(wire) > 16_384),
    Rule("we refuse", "^trailersTooLarge$", "a head larger than we take", lambda wire: len(wire) > 8_192),
    Rule("they refuse", "no request line|illegal request line", "an empty line before a request line",
         contains(rb"(^|\n|\W)\r\n[!-~]+ [!-~]+ HTTP/|\r\n$")),
    Rule("they refuse", "when expecting EOF", "bytes after the last message", contains(rb"HTTP/1\.0|\nconnection:[^\n]*close")),
    Rule("they refuse", "bad Content-Length", "numbers too large", contains(rb"\ncontent-length:[ \t]*\d{21}")),
    Rule("they refuse", "illegal chunk header", "white space after a chunk's size", contains(rb"\n[\da-f]+[ \t]+;")),
    Rule("they refuse", "illegal chunk header", "numbers too large", contains(rb"\n0*[\da-f]{21}")),
    Rule("they refuse", BAD_FRAMING, "framing in 1xx and in 2xx to CONNECT", framed(rb"1\d\d"), "client"),
    Rule("they refuse", BAD_FRAMING, "framing in 1xx and in 2xx to CONNECT", framed(rb"2\d\d"), "client CONNECT"),
    # Equal lengths are made one there.
    Rule("both read", "content-length", "framing in 1xx and in 2xx to CONNECT", framed(rb"1\d\d"), "client"),
    Rule("both read", "content-length", "framing in 1xx and in 2xx to CONNECT", framed(rb"2\d\d"), "client CONNECT"),
    Rule("they stop|they refuse", "MUST_CLOSE|expecting EOF", "HTTP/1.0 persistence",
         contains(rb"HTTP/1\.0.*\nconnection:[^\n]*keep-alive")),
]


class Peer:
    """h11 as the reader of a case; it answers what core-cases answers."""

    def __init__(self, role, mode):
        self.mode = mode
        self.connection = h11.Connection(h11.SERVER if role == "server" else h11.CLIENT)
        self.items = []
        if role == "client":
            self.request()

    def request(self):
        method, fields = ("GET", [("Upgrade", "x"), ("Connection", "upgrade")]) if self.mode == "UPGRADE" else (self.mode, [])
        target = "a:80" if method == "CONNECT" else "/"
        self.connection.send(h11.Request(method=method, target=target, headers=[("Host", "a"), *fields]))
        self.connection.send(h11.EndOfMessage())

    def read(self, wire):
        error = None
        try:
            # An empty piece would mean the end.
            if wire:
                self.connection.receive_data(wire)
                self.drain()
            self.connection.receive_data(b"")
            self.drain()
        except h11.RemoteProtocolError as caught:
            error = str(caught)
        return normalised({"items": self.items, "error": error, "state": str(self.connection.their_state)})

    def drain(self):
        connection = self.connection
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                return
            if event is h11.PAUSED:
                if not self.go_on():
                    return
                continue
            note(self.items, event)
            if isinstance(event, h11.ConnectionClosed):
                return

    def go_on(self):
        connection = self.connection
        if connection.our_role is h11.SERVER:
            if connection.our_state is not h11.SEND_RESPONSE:
                return False
            if not connection.trailing_data[0] and not connection.trailing_data[1]:
                return False
            proposed = connection.their_state is h11.MIGHT_SWITCH_PROTOCOL
            connection.send(h11.Response(status_code=426 if proposed else 200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
        elif connection.trailing_data[0]:
            return False  # the row "bytes behind a response": h11 takes them for the next one
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            # What is left is refused if it may not come, as h11 does when it is asked.
            return connection.their_state is h11.MUST_CLOSE
        connection.start_next_cycle()
        if connection.our_role is h11.CLIENT:
            self.request()
        return True


def note(items, event):
    """Adds an event of h11 to items, in the form of Sources/Cases/Outcome.swift."""
    fields = lambda headers: [[text(name), text(value)] for name, value in headers.raw_items()]
    match event:
        case h11.Request():
            items.append(["request", text(event.method), text(event.target), text(event.http_version), fields(event.headers)])
        case h11.InformationalResponse() | h11.Response():
            items.append(["response", event.status_code, text(event.reason), text(event.http_version), fields(event.headers)])
        case h11.Data():
            more = bytes(event.data).decode("latin-1")
            if items and items[-1][0] == "content":
                items[-1][1] += more
            else:
                items.append(["content", more])
        case h11.EndOfMessage():
            items.append(["end", fields(event.headers)])
        case h11.ConnectionClosed():
            items.append(["closed"])


def main(count=2000, seed=None):
    seed = random.randrange(1 << 32) if seed is None else seed
    cases.check_decisions((rule.decision for rule in RULES), __file__)
    generator = Generator(seed)
    made = [generator.case() for _ in range(count)]
    reader = cases.core()
    outcomes = reader.ask_all([cases.reading(role, mode, "every" if i % 4 == 0 else "bytes", wire)
                               for i, (role, mode, wire) in enumerate(made)])
    tally = Tally(RULES)
    split = 0
    for (role, mode, wire), ours in zip(made, outcomes):
        if "split" in ours:
            split += 1
            print(f"cut otherwise: {role} {mode} {wire!r}: {ours['split']}")
        tally.note((role, mode), wire, from_core(ours), Peer(role, mode).read(wire))
    fine = tally.report(f"h11 {h11.__version__}, {count} cases", seed) and not split
    fine = conversations.main(reader, max(count // 10, 1), seed) and fine
    reader.close()
    return fine


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
