"""Times h11: `h11-codec.py request|response FILE COUNT` reads a message, `write - COUNT` makes and writes a response."""

import sys
import time

import h11

FIELDS = [
    ("Content-Type", "text/plain; charset=utf-8"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Content-Length", "12")]
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def read(connection, message):
    connection.receive_data(message)
    while type(connection.next_event()) is not h11.EndOfMessage:
        pass


def server():
    return h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 22)


def client():
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 22)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
    connection.send(h11.EndOfMessage())
    return connection


def asked():
    connection = server()
    read(connection, REQUEST)
    return connection


def write(connection):
    connection.send(h11.Response(status_code=200, reason="OK", headers=FIELDS))
    connection.send(h11.Data(data=b"Hello world!"))
    connection.send(h11.EndOfMessage())


def main():
    kind, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    prepare = {"request": server, "response": client, "write": asked}[kind]
    message = b"" if kind == "write" else open(file, "rb").read()
    total = 0
    for _ in range(count):
        connection = prepare()
        begin = time.perf_counter_ns()
        write(connection) if kind == "write" else read(connection, message)
        total += time.perf_counter_ns() - begin
    print(total / count, count)


main()
