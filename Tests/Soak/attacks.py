"""The attacks. Each is a function that does its worst to a server and raises if the server does not bear it as it should.

What it returns, if it does, says how far it went.
"""

import os
import resource
import threading
import time
from typing import Callable, NamedTuple

from client import PATIENCE, Wrong, crowd

UPGRADE = b"GET /echo HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"


# Slow, and without end


def slow_heads(server):
    """A byte of a head now and then: 408, however many there were."""
    def act(number):
        with server.connect() as client:
            client.send(b"GET /target HTTP/1.1\r\nHost: test\r\nX: ")
            client.send_until_answered(b"x", every=0.02)
            client.expect(408)
            client.expect_end()
    crowd(200, act)


def slow_bodies(server):
    """A byte of a body now and then, a chunk now and then, or nothing: 408."""
    def act(number):
        with server.connect() as client:
            if number % 2:
                client.post("/whole", length=100_000)
                piece = b"x"
            else:
                client.post_chunked("/pieces")
                piece = b"1\r\nx\r\n"
            client.send_until_answered(piece if number % 4 < 2 else b"", every=0.02)
            client.expect(408)
            client.expect_end()
    crowd(200, act)


def endless_heads(server):
    """A request line, or fields, that never end: 414, 431."""
    ways = [(b"GET /", b"x" * 1000, 414), (b"GET / HTTP/1.1\r\n", b"X: " + b"x" * 1000 + b"\r\n", 431)]

    def act(number):
        beginning, more, status = ways[number % 2]
        with server.connect() as client:
            client.send(beginning)
            client.send_until_answered(more)
            client.expect(status)
    crowd(100, act)


def endless_chunks(server):
    """A chunk extension, or trailers, that never end: 400, 431."""
    ways = [(b"1;", b"x" * 1000, 400), (b"1\r\nx\r\n0\r\n", b"X: " + b"x" * 1000 + b"\r\n", 431)]

    def act(number):
        beginning, more, status = ways[number % 2]
        with server.connect() as client:
            client.post_chunked("/pieces", beginning)
            client.send_until_answered(more)
            client.expect(status)
    crowd(100, act)


def tiny_chunks(server):
    """Bodies in chunks of one byte, with no extension or a long one each: read to their end."""
    ways = [("/whole", b"1\r\nx\r\n"), ("/pieces", b"1;" + b"x" * 200 + b"\r\nx\r\n")]

    def act(number):
        path, chunk = ways[number % 2]
        with server.connect() as client:
            client.post_chunked(path, chunk * 10_000 + b"0\r\n\r\n")
            client.expect(200, b"10000")
    crowd(20, act)


def nested_json(server):
    """JSON nested 500 deep is decoded, for which the default stack must do; 100,000 deep it is refused."""
    def act(number):
        with server.connect() as client:
            for depth, status in (500, 200), (100_000, 400):
                client.post("/json", b"[" * depth + b"]" * depth)
                client.expect(status)
    crowd(50, act)


# Clients that do not read


def never_reading(server):
    """Responses that nobody takes: a reset, after the time for sending."""
    clients = [server.connect(receive_buffer=4096) for _ in range(100)]
    for number, client in enumerate(clients):
        # Most while they are made; some made before, and larger than what the system holds for a connection.
        client.get("/endless" if number % 10 else "/bytes?16000000")
    for client in clients:
        client.expect_reset()
        client.leave()


def pipelined_never_reading(server):
    """As many requests as go out, and no response taken: a reset."""
    def act(number):
        with server.connect(receive_buffer=4096) as client:
            requests = b"GET /target HTTP/1.1\r\nHost: test\r\n\r\n" * 10_000
            try:
                while True:
                    client.send(requests)
            except ConnectionError:
                pass
    crowd(10, act)


def pipelined(server):
    """20,000 requests, each sent ahead of all answers: each is answered, in order."""
    count = 20_000

    def act(number):
        with server.connect() as client:
            requests = "".join(f"GET /target?{n} HTTP/1.1\r\nHost: test\r\n\r\n" for n in range(count))
            # Somebody has to take the answers, or the server would stop reading.
            sender = threading.Thread(target=client.send, args=(requests.encode(),))
            sender.start()
            for n in range(count):
                if not client.through(b"\r\n\r\n").startswith(b"HTTP/1.1 200 "):
                    raise Wrong("a request in the middle is refused")
                client.through(b"/target?%d" % n)
            sender.join()
    crowd(4, act)


# Clients that leave


def connect_and_leave(server):
    """Connections on which nothing comes, or the beginning of a head."""
    for number in range(2_000):
        client = server.connect()
        client.send(b"GET /tar"[:number % 3])
        leave(client, number)


def half_closed(server):
    """Clients that end their half behind a request: they get the answer, and then the end."""
    def act(number):
        with server.connect() as client:
            client.post("/whole", b"x" * 1_000_000)
            client.get("/bytes?1000000")
            client.end_half()
            client.expect(200, b"1000000")
            client.expect(200, b"x" * 1_000_000)
            client.expect_end()
    crowd(50, act)


def leaving_mid_body(server):
    """Clients that leave in the middle of what they send."""
    def act(number):
        for path in "/whole", "/pieces", "/unread", "/json":
            client = server.connect()
            client.post(path, b"x" * 100_000, length=1_000_000)
            leave(client, number)
            client = server.connect()
            client.post_chunked(path, b"1000\r\n" + b"x" * 100)
            leave(client, number)
    crowd(50, act)


def leaving_mid_response(server):
    """Clients that leave in the middle of what they are sent: handlers that write or wait end."""
    def act(number):
        for path in "/endless", "/events", "/bytes?8000000", "/file":
            client = server.connect()
            client.get(path)
            client.through(b"\r\n\r\n")
            leave(client, number)
    crowd(100, act)


def expecting_and_silent(server):
    """100 Continue, and then no body: 408. Nothing is asked for that would be too large."""
    def act(number):
        client = server.connect()
        client.post("/whole", length=1_000_000, fields="Expect: 100-continue\r\n")
        client.expect(100)
        if number % 3 == 0:
            client.expect(408)
            client.expect_end()
        leave(client, number)
        with server.connect() as client:
            client.post("/whole", length=1_000_000_000, fields="Expect: 100-continue\r\n")
            client.expect(413)
    crowd(99, act)


def upgrading_and_vanishing(server):
    """Connections that became another protocol's, and end in its middle."""
    def act(number):
        client = server.connect()
        client.send(UPGRADE + b"ahead")
        client.expect(101)
        client.through(b"ahead")
        if number % 3 == 0:
            client.end_half()
            client.expect_end()
        leave(client, number)
    crowd(99, act)


# Files


def ranges(server):
    """Parts of a file, few and many, possible and impossible: each client gets the bytes that it asked for, or all, or 416."""
    whole = open(server.program, "rb").read()
    size = len(whole)
    seeds = [server.random.random() for _ in range(20)]

    def act(number):
        random = type(server.random)(seeds[number])
        with server.connect() as client:
            for _ in range(20):
                first = random.randrange(size)
                last = random.randrange(first, min(first + 100_000, size))
                client.get("/file", f"Range: bytes={first}-{last}\r\n")
                client.expect(206, whole[first:last + 1])
            client.get("/file", f"Range: bytes={size}-\r\n")
            client.expect(416)
            client.get("/file", "Range: bytes=" + ",".join(f"{n * 10}-{n * 10}" for n in range(16)) + "\r\n")
            parts = client.expect(206).body.split(b"\r\n--")[1:-1]
            if [part[-1:] for part in parts] != [whole[n * 10:n * 10 + 1] for n in range(16)]:
                raise Wrong("parts are wrong")
            # What would be more work than the file itself.
            many = ["0-," * 1_000, "0-,-1," * 500, "1-0,", "9" * 5_000 + "-"]
            client.get("/file", f"Range: bytes={many[number % len(many)]}\r\n")
            if number % len(many) == 3:
                client.expect(416)
            else:
                client.expect(200, whole)
    crowd(20, act)


# Very many, very much, and nonsense


def garbage(server):
    """Random bytes, and requests with random bytes in them: each connection ends, and what is answered is HTTP."""
    valid = [
        b"GET /target HTTP/1.1\r\nHost: test\r\n\r\n" * 3,
        b"POST /whole HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /pieces HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    ]
    seeds = [server.random.random() for _ in range(20)]

    def act(number):
        random = type(server.random)(seeds[number])
        for _ in range(50):
            sent = bytearray(random.choice([random.randbytes(random.randrange(2_000)), *valid]))
            for _ in range(random.randrange(5) if sent else 0):
                sent[random.randrange(len(sent))] = random.randrange(256)
            with server.connect() as client:
                client.send(sent)
                client.end_half()
                answer = client.receive()
                if answer and not answer.startswith(b"HTTP/1.1 "):
                    raise Wrong(f"{bytes(sent)!r} is answered {answer!r}")
                while answer:
                    answer = client.receive()
    crowd(20, act)


def proxy_headers(server):
    """PROXY headers that are garbage, endless, slow or missing: the end, and no answer, unless one is a header by chance."""
    request = b"GET /target HTTP/1.1\r\nHost: test\r\n\r\n"
    second = b"\r\n\r\n\0\r\nQUIT\n"
    valid = [b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n", second + b"\x21\x11\0\x0c" + bytes(12)]
    wrong = [request, b"PROXY " + b"x" * 10_000, second + b"\x21\x11\xff\xff" + bytes(65_535)]
    seeds = [server.random.random() for _ in range(40)]

    def act(number):
        random = type(server.random)(seeds[number])
        for header in valid + wrong:
            answer = proxied(server, header + request)
            if answer.startswith(b"HTTP/1.1 200 ") != (header in valid):
                raise Wrong(f"{header[:100]!r} is answered {answer!r}")
        for _ in range(20):
            sent = bytearray(random.choice([random.randbytes(random.randrange(1, 2_000)), *valid]))
            for _ in range(random.randrange(5)):
                sent[random.randrange(len(sent))] = random.randrange(256)
            answer = proxied(server, sent + request)
            if answer and not answer.startswith(b"HTTP/1.1 "):
                raise Wrong(f"{bytes(sent)!r} is answered {answer!r}")
        with server.connect(address="127.0.0.2") as client:
            client.send(valid[number % 2][:10])
            if answer := client.rest():
                raise Wrong(f"half a header is answered {answer!r}")
    crowd(40, act)


def proxied(server, sent):
    """What a proxy is answered that sends this."""
    with server.connect(address="127.0.0.2") as client:
        try:
            client.send(sent)
            client.end_half()
        except OSError:
            pass  # it was closed before all was sent
        return client.rest()


def stopping(server):
    """SIGTERM to another server while clients do their worst to it: it ends in time, and each connection with it."""
    limit = 2
    another = server.another(["--stop-limit", str(limit)])
    try:
        beginnings = [
            b"", b"GET /tar", b"POST /whole HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nx",
            b"POST /pieces HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
            b"GET /endless HTTP/1.1\r\nHost: test\r\n\r\n", b"GET /file HTTP/1.1\r\nHost: test\r\n\r\n",
            b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n", b"GET /target HTTP/1.1\r\nHost: test\r\n\r\n", UPGRADE,
        ]
        clients = [another.connect(receive_buffer=4096) for _ in range(20 * len(beginnings))]
        for number, client in enumerate(clients):
            client.send(beginnings[number % len(beginnings)])

        def come(_):
            try:
                while True:
                    with another.connect() as client:
                        client.get("/target")
                        client.response()
            except (EOFError, ConnectionError):
                pass  # it was stopped
        coming = threading.Thread(target=crowd, args=(8, come))
        coming.start()
        began = time.monotonic()
        another.stop("Connections cut")
        seconds = time.monotonic() - began
        coming.join()
        # A second more is for threads to notice, and the rest for a machine that is busy.
        if seconds > limit + 1 + 10:
            raise Wrong(f"it took {seconds} s to stop")
        for number, client in enumerate(clients):
            if not beginnings[number % len(beginnings)]:
                # The server may not know of it yet, and then it is told only when it speaks.
                outcome(lambda: client.send(b"x"))
            client.rest()
            client.leave()
    finally:
        another.kill()


def idle(server):
    """10,000 connections, or as many as there can be, that are kept: none is closed, and all can be used again."""
    clients = [server.connect() for _ in range(most_connections())]
    for _ in range(2):
        for client in clients:
            client.get("/target")
        for client in clients:
            client.expect(200, b"/target")
    for number, client in enumerate(clients):
        leave(client, number)
    return f"{len(clients)} connections"


def too_many(server):
    """5,000 connections where 500 are served at a time: the others get 503, or are closed; none hangs."""
    beginning, end = b"GET /target HTTP/1.1\r\n", b"Host: test\r\n\r\n"
    busy = [server.connect() for _ in range(600)]
    for client in busy:
        outcome(lambda: client.send(beginning))
    silent = [server.connect() for _ in range(4_400)]
    outcomes = [outcome(client.response) for client in silent]
    if set(outcomes) - {503, "closed"} or 503 not in outcomes:
        raise Wrong(f"of those who are too many, there are some who get {set(outcomes)}")
    for client in busy:
        outcome(lambda: client.send(end))
    outcomes = [outcome(client.response) for client in busy]
    # For a moment there are more, while others make room for them.
    if set(outcomes) - {200, 503, "closed"} or not 1 <= outcomes.count(200) <= 500 + 32:
        raise Wrong(f"{outcomes.count(200)} of {set(outcomes)} were served")
    for client in busy + silent:
        client.leave()


def too_many_from_one_address(server):
    """The same where 500 are served for one address: who comes from another is served all the time."""
    too_many(server)


def outcome(act):
    """What happens to a client that may be refused before it has said anything."""
    try:
        response = act()
        return response and response.status
    except (EOFError, ConnectionError):
        return "closed"


def large_bodies(server):
    """More large bodies at once than are to be held: some are refused, the others served, and memory is bounded."""
    count, size, budget = 200, 1_000_000, 16 << 20
    peak_before = server.peak
    is_refused = threading.Event()

    def act(number):
        with server.connect() as client:
            client.post("/whole", b"x" * (size - 1), length=size)
            # No body ends before one is refused, so that all are held at once.
            deadline = time.monotonic() + PATIENCE
            while not is_refused.is_set() and time.monotonic() < deadline:
                if client.is_readable(within=0.01):
                    is_refused.set()
            if not client.is_readable():
                client.send(b"x")
            return client.response().status
    statuses = crowd(count, act)
    served, refused = statuses.count(200), statuses.count(503)
    if not served or not refused or served + refused < count:
        raise Wrong(f"of {count} bodies {served} were served and {refused} refused")
    # What may be held, as much again while arrays grow, and 128 KiB a connection for its buffer and its stack.
    bound = peak_before + 2 * budget + count * (128 << 10)
    if server.peak > bound:
        raise Wrong(f"{server.peak} bytes were resident, which is more than {bound}")


def most_connections():
    """10,000, or what three quarters of the limits on descriptors and threads allow: a thread takes two maps."""
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)]
    for path, maps in ("kernel/threads-max", 1), ("kernel/pid_max", 1), ("vm/max_map_count", 2):
        limits.append(int(open(f"/proc/sys/{path}").read()) // maps)
    if os.path.exists("/sys/fs/cgroup/pids.max"):
        limits += [int(limit) for limit in open("/sys/fs/cgroup/pids.max").read().split() if limit.isdigit()]
    return min(10_000, min(limit for limit in limits if limit != resource.RLIM_INFINITY) * 3 // 4)


def leave(client, number):
    """Half of them say that they go, half just do."""
    if number % 2:
        client.leave()
    else:
        client.reset()


class Attack(NamedTuple):
    act: Callable
    options: list = []  # of the server
    steady: list = []  # options of the steady client
    warning: str = None  # what the server is expected to log

    @property
    def name(self):
        return self.act.__name__.replace("_", " ")


IMPATIENT = ["--patience", "500"]
ATTACKS = [
    Attack(slow_heads, IMPATIENT),
    Attack(slow_bodies, IMPATIENT),
    Attack(endless_heads),
    Attack(endless_chunks),
    Attack(tiny_chunks),
    Attack(nested_json),
    Attack(never_reading, IMPATIENT),
    Attack(pipelined_never_reading, IMPATIENT),
    Attack(pipelined),
    Attack(connect_and_leave),
    Attack(half_closed),
    Attack(leaving_mid_body),
    Attack(leaving_mid_response),
    Attack(expecting_and_silent, IMPATIENT),
    Attack(upgrading_and_vanishing),
    Attack(ranges),
    Attack(garbage),
    Attack(proxy_headers, ["--proxy-protocol", *IMPATIENT], warning="Connection of 127.0.0.2"),
    Attack(stopping),
    Attack(idle, ["--keep-alive", "600"]),
    Attack(too_many, ["--connections", "500", "--patience", "60000"], ["--refusable"], warning="refused "),
    Attack(too_many_from_one_address, ["--connections-per-address", "500", "--patience", "60000"],
           ["--from", "127.0.0.2"], warning="refused "),
    Attack(large_bodies, ["--buffered-bytes", str(16 << 20)]),
]
