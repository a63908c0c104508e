"""h11, which does no I/O, with a thread per connection: the same architecture as ours, in Python."""

import json
import os
import socket
import sys
import threading
from dataclasses import asdict, dataclass
from email.utils import formatdate

import h11

BYTES = {b"/64k": b"x" * (64 << 10), b"/10m": b"x" * (10 << 20)}
TEXT = b"text/plain; charset=utf-8"
BINARY = b"application/octet-stream"


@dataclass
class Order:
    name: str
    numbers: list
    active: bool


@dataclass
class Summary:
    name: str
    sum: int
    active: bool


def respond(request, body):
    """The status, the media type and the body."""
    match request.method, request.target:
        case b"GET", b"/":
            return 200, TEXT, b"Hello world!"
        case b"GET", (b"/64k" | b"/10m") as path:
            return 200, BINARY, BYTES[path]
        case b"POST", b"/upload":
            return 200, TEXT, b"%d" % len(body)
        case b"POST", b"/json":
            order = Order(**json.loads(body))
            summary = Summary(order.name, sum(order.numbers), not order.active)
            return 200, b"application/json", json.dumps(asdict(summary)).encode()
    return 404, TEXT, b"Not found!"


def read_request(connection, http):
    """The next request and its body; nothing if the client has no more to ask."""
    request, body = None, []
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    connection.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])))
                http.receive_data(connection.recv(65536))
            case h11.Request() as request:
                pass
            case h11.Data(data=data):
                body.append(data)
            case h11.EndOfMessage():
                return request, b"".join(body)
            case h11.ConnectionClosed():
                return None, b""


def head(http, status, media_type, length):
    headers = [("Content-Type", media_type), ("Content-Length", str(length)), ("Date", formatdate(usegmt=True))]
    return http.send(h11.Response(status_code=status, headers=headers))


class FileBody:
    """Stands for a file's bytes, which the system sends, where h11 only has to know how many they are."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length


def send_file(connection, http, path):
    with open(path, "rb") as file:
        body = FileBody(os.fstat(file.fileno()).st_size)
        connection.sendall(head(http, 200, BINARY, len(body)))
        http.send_with_data_passthrough(h11.Data(data=body))
        connection.sendfile(file)
        http.send(h11.EndOfMessage())


def serve(connection, path):
    http = h11.Connection(h11.SERVER)
    with connection:
        try:
            while True:
                request, body = read_request(connection, http)
                if request is None:
                    break
                if request.target == b"/file":
                    send_file(connection, http, path)
                else:
                    status, media_type, content = respond(request, body)
                    first, rest = head(http, status, media_type, len(content)), http.send(h11.Data(data=content))
                    http.send(h11.EndOfMessage())
                    # Joined, small ones are one packet; large ones would be copied.
                    for piece in [first + rest] if len(content) < 16_384 else [first, rest]:
                        connection.sendall(piece)
                if http.our_state is h11.MUST_CLOSE:
                    break
                http.start_next_cycle()
        except (OSError, h11.ProtocolError):
            pass  # The client left, or sent something else than HTTP.


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"Listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection, sys.argv[1]), daemon=True).start()


main()
