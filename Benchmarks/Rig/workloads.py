"""What the servers are asked for, and which measurements are compared with which."""

import json
from dataclasses import dataclass, replace

TEXT, KIB64, MIB10 = b"Hello world!", b"x" * 65_536, b"x" * 10 * 1024 * 1024
FILE = bytes(range(256)) * 4096  # 1 MiB
NUMBERS = list(range(1, 17))
QUESTION = json.dumps({"name": "Ada", "numbers": NUMBERS, "active": True}).encode()
ANSWER = {"name": "Ada", "sum": sum(NUMBERS), "active": False}


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path, media_type, body):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def chunked(path, body, size):
    chunks = (body[start:start + size] for start in range(0, len(body), size))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def is_json(body):
    return json.loads(body) == ANSWER


def is_found(body):
    return body.startswith(b"Found: ")


def is_stored(body):
    return body.startswith(b"Stored: ")


def is_either(body):
    return is_found(body) or is_stored(body)


@dataclass(frozen=True)
class Workload:
    """One thing that a server is asked for, again and again, over so many connections."""

    name: str
    label: str
    path: str
    connections: int
    request: bytes
    # The body that the answer must have, or what must be true of it.
    answer: object = TEXT
    # What every second request is instead.
    other: bytes = b""
    # So many requests are sent before their answers are waited for.
    depth: int = 1
    closes: bool = False
    # Server and load share one core: waking another one varies more than what is measured.
    is_pinned: bool = False
    # So many further connections are held, idle, by another process.
    idle: int = 0
    # How the server's own store is to be: what a commit survives, how many rows it has, and how large their values are.
    durability: str = "full"
    rows: int = 0
    bytes: int = 100

    def is_answered_by(self, body):
        return self.answer(body) if callable(self.answer) else body == self.answer


def hello(name, label, connections, **others):
    return Workload(name, label, "/", connections, get("/"), **others)


def store(name, label, path, answer, connections=64, **others):
    return Workload(name, label, path, connections, get(path), answer, **others)


HELLO_64 = hello("64", "64", 64)
# One table each: how it is called, and what its columns are.
FAMILIES = {
    "hello": ("`GET /`, twelve bytes, by connections", [
        hello("pinned", "1, pinned", 1, is_pinned=True), hello("1", "1", 1), hello("16", "16", 16), HELLO_64,
        hello("256", "256", 256), hello("1000", "1,000", 1000), hello("5000", "5,000", 5000)]),
    "shapes": ("`GET /` in other ways, by 64 clients", [
        hello("fields", "each with other fields than the one before", 64, other=get("/").replace(b"localhost", b"localhos2")),
        hello("pipelined", "16 requests ahead", 64, depth=16),
        Workload("close", "`Connection: close`", "/", 64, get("/")[:-2] + b"Connection: close\r\n\r\n", closes=True),
        hello("idle", "beside 10,000 idle connections", 64, idle=10_000)]),
    "bodies": ("Larger responses and requests, by 64 clients (10 MiB: by 16)", [
        Workload("64k", "64 KiB out", "/64k", 64, get("/64k"), KIB64),
        Workload("10m", "10 MiB out", "/10m", 16, get("/10m"), MIB10),
        Workload("file", "a file of 1 MiB out", "/file", 64, get("/file"), FILE),
        Workload("upload", "1 MiB in", "/upload", 64, post("/upload", "application/octet-stream", FILE), b"1048576"),
        Workload("chunked", "1 MiB in, in chunks of 16 KiB", "/upload", 64, chunked("/upload", FILE, 16_384), b"1048576"),
        Workload("json", "JSON in and out", "/json", 64, post("/json", "application/json", QUESTION), is_json)]),
}
# What is Freetser's alone: its store behind its server. The ratio is to the first of each.
STORE = [
    replace(HELLO_64, name="none", label="`GET /`, no store"),
    store("get", "`store.read` of one key", "/get", is_found),
    store("found", "read, or add if missing; it is there", "/found", is_found),
    store("user", "the same as one routine", "/user", is_found),
    store("put-normal", "`overwrite`, `.normal`", "/put", is_stored, durability="normal"),
    store("put-full", "`overwrite`, `.full`", "/put", is_stored),
    store("half", "every second request writes, `.full`", "/half", is_either),
]
SEED = [store(f"seed-{count}", f"{count:,}", "/user", is_found, count) for count in (1, 300, 750, 1_000, 1_200)]
# Requests a second of the package that Freetser succeeds, by its own README: on 22 cores, where ours has 2.
SEED_RATES = {1: 25, 300: 5_500, 750: 10_000, 1_000: 10_900}
ROWS = [store(f"rows-{10 ** n}", f"{10 ** n:,}", "/random", b"\0" * 100, rows=10 ** n) for n in range(3, 8)]
VALUES = [
    store(f"bytes-{size}", f"{size:,}", "/random", b"\0" * size, rows=1_000, bytes=size) for size in (10, 100, 1_000, 10_000, 100_000, 1_000_000)]
OWN = {"store": STORE, "seed": SEED, "rows": ROWS, "values": VALUES}


def turns(families, names, programs):
    """What there is for these servers, of those workloads that were asked for (`None` is all): a list of lists of (workload,
    program) that take turns, the first of which the others are compared with."""
    found = []
    for family in families:
        for workload in FAMILIES.get(family, ("", []))[1]:
            if names is None or workload.name in names:
                found.append([(workload, program) for program in programs if programs[program](workload)])
        if "freetser" in programs:
            found.append([(w, "freetser") for w in OWN.get(family, []) if names is None or w.name in names])
    return [turn for turn in found if turn]
