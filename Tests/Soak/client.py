"""One connection to the server, as a client with bad manners needs it."""

import select
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

# Seconds that anything may take which has to happen. Only what hangs takes as long.
PATIENCE = 60


class Wrong(Exception):
    """The server did not do what it should."""


class Response(NamedTuple):
    status: int
    fields: dict
    body: bytes


class Client:
    def __init__(self, port, receive_buffer=None, address=None):
        self.unread = b""
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if address:
            self.socket.bind((address, 0))
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    # Ways to go.

    def leave(self):
        self.socket.close()

    def reset(self):
        """Leaves in the middle: what is on its way in either direction is thrown away."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def end_half(self):
        self.socket.shutdown(socket.SHUT_WR)

    # Sending.

    def send(self, data):
        self.socket.sendall(data)

    def get(self, target, fields=""):
        self.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())

    def post(self, target, body=b"", length=None, fields=""):
        """Sends a request; `length` is what it says of its body, if that is not true."""
        length = len(body) if length is None else length
        self.send(f"POST {target} HTTP/1.1\r\nHost: test\r\n{fields}Content-Length: {length}\r\n\r\n".encode() + body)

    def post_chunked(self, target, chunks=b""):
        self.send(f"POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks)

    def send_until_answered(self, piece, every=0.0):
        """Sends `piece` again and again, every so many seconds, until something comes back."""
        while not self.is_readable(within=every):
            self.send(piece)

    # Receiving.

    def is_readable(self, within=0.0):
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(within * 1000))

    def receive(self):
        """What is there; nothing at the end."""
        return self.socket.recv(65_536)

    def response(self):
        """The next response, whose body is as long as its Content-Length says; without one it has none."""
        head = self.through(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        length = int(fields.get("content-length", 0))
        while len(self.unread) < length:
            self.fill()
        body, self.unread = self.unread[:length], self.unread[length:]
        return Response(int(head[0].split(" ")[1]), fields, body)

    def through(self, end):
        """What comes, to the end of the first `end` in it."""
        while end not in self.unread:
            self.fill()
        first, _, self.unread = self.unread.partition(end)
        return first + end

    def fill(self):
        received = self.receive()
        if not received:
            raise EOFError(f"the server ended the connection behind {self.unread[-200:]!r}")
        self.unread += received

    def rest(self):
        """All that comes, to the end of the connection, be it a reset or not."""
        pieces, self.unread = [self.unread], b""
        try:
            while received := self.receive():
                pieces.append(received)
        except ConnectionError:
            pass
        return b"".join(pieces)

    # What the server should do.

    def expect(self, status, body=None):
        response = self.response()
        if response.status != status or (body is not None and response.body != body):
            raise Wrong(f"expected {status} {body or ''}: {response}")
        return response

    def expect_end(self):
        rest = self.unread or self.receive()
        if rest:
            raise Wrong(f"expected the end of the connection: {rest[:200]!r}")

    def expect_reset(self):
        """Waits for a reset without reading anything that is before it."""
        poll = select.poll()
        poll.register(self.socket, 0)
        if not poll.poll(PATIENCE * 1000):
            raise Wrong(f"no reset in {PATIENCE} s")


def crowd(count, act):
    """Calls act(0), act(1) and so on, all at once, and raises what any of them raised."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(act, range(count)))
