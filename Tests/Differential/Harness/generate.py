"""Makes messages, valid and not, the same ones for the same seed."""

import random

METHODS = ["GET"] * 6 + ["POST"] * 4 + ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "BREW", "M-SEARCH", "get"]
TARGETS = ["/", "/", "/a/b?c=d", "/%00", "/a;b=c,d", "/~!$&'()*+@:", "/\"<>^`{|}\\", "http://a.example/x", "http://a:80",
           "*", "a.example:443", "[::1]:80", "/" + "a" * 300]
NAMES = ["Accept", "User-Agent", "X", "x-y", "Cookie", "Set-Cookie", "Accept", "Via", "!#$%&'*+-.^_`|~", "Upgrade",
         "Expect", "Range", "Trailer", "TE", "Keep-Alive", "Date"]
VALUES = ["", "a", "a b", "a\tb", "text/html, */*;q=0.1", "\"quoted, \\\" string\"", "100-continue", "x" * 100, "\u00e9",
          "websocket", "a  b", "(comment; (nested))", "Sun, 06 Nov 1994 08:49:37 GMT", "=,;:@", "0"]
STATUSES = [200] * 6 + [204, 304, 404, 500, 201, 301, 206, 299, 599, 999, 100, 103, 101]
REASONS = ["OK", "", "Not Found", "a\tb", "\u00e9", "200"]
SPACES = ["", " ", " ", " ", "  ", "\t", " \t "]
# Bytes, and runs of bytes, that readers have disagreed about.
PIECES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xff", b"\"",
          b"#", b"@", b"/", b"0", b"1", b"+", b"-", b"_", b"x", b"\r\n\r\n", b"\r\n ", b"\x85", b"\xa0", b"[", b"]", b"%"]
LINES = ["Content-Length: 5", "Content-Length: 0", "content-length: 5, 5", "Content-Length: +5", "Content-Length: 5 ",
         "Content-Length: 00000000000000000000005", "Content-Length: 18446744073709551616", "Content-Length:",
         "Content-Length: 0x5", "Transfer-Encoding: chunked", "transfer-encoding:\tChunked ", "Transfer-Encoding: gzip",
         "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity",
         "Transfer-Encoding : chunked", "Transfer-Encoding:", "Transfer_Encoding: chunked", "Host: b", "Host:", "host: a b",
         "Host: u@a", "Host: a:99999", "Host: [::1", "Host: a,b", "Connection: close", "Connection: Keep-Alive",
         "Connection: upgrade, close", "Connection: x, ,close", "Upgrade: x", "Connection: upgrade",
         "Expect: 100-continue", " folded: x", "\tfolded", "no colon", ": no name", "a b: c", "a\u00e9: b", "A: b\x00",
         "A: b\x01c", "A: \x7f", "X:" + "y" * 9000, "Trailer: x"]


class Generator:
    """Cases, each a role, a mode and bytes; Sources/Cases/Case.swift says what the words mean."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def case(self):
        if self.chance(0.6):
            role, mode, make = "server", "decline", self.request
        else:
            role, make = "client", self.response
            mode = self.random.choice(["GET"] * 5 + ["HEAD", "CONNECT", "UPGRADE", "UPGRADE"])
        wire = b"".join(make() for _ in range(self.random.choice([1, 1, 1, 2, 3])))
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 1, 2, 3])):
            wire = self.mutated(wire)
        return role, mode, wire

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, choices):
        return self.random.choice(choices)

    # Valid messages, but for combinations that only chance makes.

    def request(self):
        method = self.pick(METHODS)
        target = self.pick(TARGETS[-4:-1] if method == "CONNECT" else TARGETS[:-4] + TARGETS[-1:])
        if method == "OPTIONS" and self.chance(0.5):
            target = "*"
        version = self.pick(["1.1"] * 12 + ["1.0", "1.0", "1.2"])
        fields = self.fields()
        if version != "1.0" or self.chance(0.5):
            host = self.pick(["a", "a.example:80", "", "[::1]:8080", "xn--a.example"])
            fields.insert(self.random.randrange(len(fields) + 1), ("Host", host))
        self.add_connection(fields)
        return self.message(f"{method} {target} HTTP/{version}", fields, version, needs_content=False)

    def response(self):
        status = self.pick(STATUSES)
        version = self.pick(["1.1"] * 8 + ["1.0"])
        fields = self.fields()
        if status == 101:
            fields.append(("Upgrade", "x"))
        self.add_connection(fields)
        start = f"HTTP/{version} {status}" + self.pick([" "] * 9 + [""]) 
        if start.endswith(" "):
            start += self.pick(REASONS)
        return self.message(start, fields, version, status, needs_content=True)

    def fields(self):
        return [(self.cased(self.pick(NAMES)), self.pick(VALUES)) for _ in range(self.pick([0, 1, 1, 2, 3, 5, 12]))]

    def add_connection(self, fields):
        if self.chance(0.15):
            fields.append(("Connection", self.pick(["close", "keep-alive", "upgrade", "x, close", "Upgrade"])))

    def cased(self, name):
        return self.pick([name, name, name.lower(), name.upper()])

    def message(self, start, fields, version, status=200, needs_content=False):
        framings = ["none", "sized", "chunked"] if version != "1.0" else ["none", "sized"]
        framing = self.pick(framings + ["sized"] * needs_content)
        if status < 200 or status == 204:
            framing = "none"
        content = self.random.randbytes(self.pick([0, 1, 5, 30, 200]))
        body = b""
        if framing == "sized":
            fields.append((self.cased("Content-Length"), self.pick(["", "", "0", "00"]) + str(len(content))))
            body = content
        elif framing == "chunked":
            fields.append((self.cased("Transfer-Encoding"), self.pick(["chunked", "Chunked"])))
            body = self.chunks(content)
        if status == 304:
            body = b""
        head = start + "\r\n" + "".join(f"{name}:{self.pick(SPACES)}{value}{self.pick(SPACES[:2])}\r\n"
                                        for name, value in fields)
        return head.encode() + b"\r\n" + body

    def chunks(self, content):
        wire, place = "", 0
        parts = []
        while place < len(content):
            size = self.random.randint(1, min(40, len(content) - place))
            extension = self.pick([""] * 6 + [";a", ";a=b", ";a=\"b;c\"", " ;a", ";", ";a=b;c = d"])
            digits = self.pick(["%x", "%X", "%04x", "%024x"]) % size
            parts.append(f"{digits}{extension}\r\n".encode() + content[place : place + size] + b"\r\n")
            place += size
        trailers = self.pick([""] * 6 + ["X: y\r\n", "Digest:\r\nx: z \r\n", "Content-Length: 5\r\n", "Host: a\r\n"])
        return b"".join(parts) + (self.pick(["0", "000", "0;a"]) + "\r\n" + trailers + "\r\n").encode()

    # Changes to what was valid.

    def mutated(self, wire):
        place = self.random.randrange(len(wire) + 1)
        # Heads are where it matters.
        head = wire.find(b"\r\n\r\n")
        if head > 0 and self.chance(0.6):
            place = self.random.randrange(head + 4)
        lines = wire.split(b"\r\n")
        line = self.random.randrange(len(lines))
        match self.random.randrange(11):
            case 0:
                return wire[:place] + self.pick(PIECES) + wire[place:]
            case 1:
                return wire[:place] + self.pick(PIECES) + wire[place + 1 :]
            case 2:
                return wire[:place] + wire[place + self.pick([1, 1, 2, 5]) :]
            case 3:
                return wire[:place]
            case 4:
                lines.insert(line, lines[line])
            case 5:
                del lines[line]
            case 6 | 7:
                lines.insert(min(line, 4) or 1, self.pick(LINES).encode())
            case 8:
                ends = [index for index in range(len(wire)) if wire.startswith(b"\r\n", index)]
                if not ends:
                    return wire
                end = self.pick(ends)
                return wire[:end] + self.pick([b"\n", b"\r", b"\r\r\n", b"\n\r\n", b" \r\n"]) + wire[end + 2 :]
            case 9:
                versions = [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/1.10", b"HTTP/1,1"]
                return wire.replace(b"HTTP/1.1", self.pick(versions), 1)
            case 10:
                return self.pick([b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\x16\x03\x01"]) + wire
        return b"\r\n".join(lines)
