"""Holds idle connections to a port: hold.py PORT COUNT. A process of its own, as descriptors are limited in each.

Says `held` when each connection has been answered once, and again, when asked to look, if none was closed since.
"""

import signal
import socket
import sys

BATCH = 100
# After so long it ends, whatever it waits for.
MOST_SECONDS = 180


def opened(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return connection


def take_answer(connection):
    answer = b""
    while not answer.endswith(b"\r\n\r\nHello world!"):
        answer += connection.recv(4096) or sys.exit("closed")


def is_open(connection):
    connection.setblocking(False)
    try:
        connection.recv(1)
        return False
    except BlockingIOError:
        return True


def main():
    signal.alarm(MOST_SECONDS)
    port, count = map(int, sys.argv[1:])
    connections = []
    while len(connections) < count:
        batch = [opened(port) for _ in range(min(BATCH, count - len(connections)))]
        for connection in batch:
            take_answer(connection)
        connections += batch
    print("held", flush=True)
    sys.stdin.readline()
    print("held" if all(map(is_open, connections)) else "closed")


main()
