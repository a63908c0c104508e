"""Single exchanges of the shapes that meet Nagle's algorithm when a server splits its answers or waits to send."""

import re
import socket
import statistics
import time

from server import Server

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
# What is sent, each part by itself.
SHAPES = {
    "a request": [GET],
    "a head in two parts": [GET[:20], GET[20:]],
    "two requests at once": [GET * 2],
    "a body of 100 kB after its head": [POST, bytes(100_000)],
}
# One such wait is 40 ms, so a median far below says that there is none.
LONGEST_IN_MS = 20


def medians(command):
    """Milliseconds of each shape."""
    with Server(command) as server:
        return {shape: median(server.port, shape, parts) for shape, parts in SHAPES.items()}


def problems(medians):
    return [f"{shape} takes {ms:.0f} ms" for shape, ms in medians.items() if ms > LONGEST_IN_MS]


def median(port, shape, parts):
    answers, times = 2 if shape.startswith("two") else 1, []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(50):
            begin = time.perf_counter()
            for part in parts:
                client.sendall(part)
            for _ in range(answers):
                receive_response(client)
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def receive_response(client):
    """Reads byte by byte to the end of the head, so as to leave the next response alone, then the body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += received(client, 1)
    missing = int(re.search(rb"Content-Length: (\d+)", head)[1])
    while missing > 0:
        missing -= len(received(client, missing))


def received(client, count):
    if bytes := client.recv(count):
        return bytes
    raise ConnectionError("the server closed the connection")
