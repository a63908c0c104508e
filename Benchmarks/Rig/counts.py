"""Instructions in user space and allocations of one operation, counted by valgrind.

Unlike times these hardly change from run to run, so small changes show. An operation's share is the difference between a run
with more of them and one with fewer, so that what starting takes drops out.
"""

import re
import socket
import subprocess
import sys

import programs
import store
import valgrind
from server import Server

TABLE = programs.BENCHMARKS / "instructions.md"
# By so much an operation may grow, and no more, without the table being changed.
MOST_GROWTH = 0.05
# What each row is, and how many operations make its share exact enough. 1 MiB takes long under valgrind; the others are
# many so that rare work, such as the date's, counts for little.
CORE = {
    "head-82": ("curl's head, parsed by a copy of the machine", 1000),
    "head-669": ("a browser's head", 1000),
    "head-669-bytewise": ("the same, byte by byte", 100),
    "head-fields-64": ("64 fields, 1,219 bytes", 1000),
    "lean-82": ("curl's head with the fields of the one before and another target, read to its end, answered with a 200 made before", 1000),
    "lean-669": ("a browser's head, likewise", 1000),
    "lean-669-changes": ("the same with another field than the one before", 1000),
    "exchange-82": ("curl's head again, answered with a 200 made anew", 1000),
    "exchange-669": ("a browser's head, likewise", 1000),
    "response-made": ("a 200 made, checked and written", 1000),
    "response-ready": ("a 200 made before, written", 1000),
    "response-whole": ("a 200 made before but for its length, written with its content", 1000),
    "chunked-1MiB": ("1 MiB in chunks of 1 KiB, answered", 10),
}
# Which path is asked for, with which fields in turns, and where its log goes.
FIELDS, OTHER_FIELDS = "Host: 127.0.0.1:8000", "Host: 127.0.0.1:8001"
SERVER = {
    "`GET /`": ("/", [FIELDS], "-", "twelve bytes, to a client that sends the same fields each time"),
    "`GET /`, new fields": ("/", [FIELDS, OTHER_FIELDS], "-", "the same, to one whose fields are never those of the request before"),
    "`GET /`, logged": ("/", [FIELDS], "access.log", "twelve bytes, with a line of the access log, by the log's thread too"),
    "`GET /get`": ("/get", [FIELDS], "-", "a read of the store"),
    "`GET /user`": ("/user", [FIELDS], "-", "a routine that finds what it would add"),
    "`GET /put`": ("/put", [FIELDS], "-", "a routine that overwrites"),
}
SERVER_REQUESTS = 1000
STORE = {"read-1": "a read of one key", "normal-1": "an overwrite of one key, committed"}


def all_of_them(scratch, with_allocations):
    """By label: what it is, instructions, and allocations unless they are not asked for."""
    programs.need("valgrind")
    core, server, kv = (programs.build_swift(programs.BENCHMARKS, name) for name in (
        "core-benchmark", "freetser-server", "store-benchmark"))
    file = scratch / "store.sqlite"
    filler = programs.compile_c(store.PEERS / "sqlite-store.c", scratch, "-lsqlite3")
    subprocess.run([filler, "fill", file, str(store.COUNTED_KEYS)], check=True)
    (scratch / "file").write_bytes(b"")

    counted = {}
    tools = list(valgrind.TOOLS) if with_allocations else ["instructions"]

    def count(label, text, operations, run):
        print(f"counting {label}", file=sys.stderr, flush=True)
        figures = [(run(tool, 2 * operations) - run(tool, operations)) / operations for tool in tools]
        counted[label] = (text, *figures)

    for name, (text, operations) in CORE.items():
        count(f"`{name}`", text, operations, lambda tool, n: valgrind.ended(tool, core, name, n))
    for label, (path, fields, log, text) in SERVER.items():
        command = [server, scratch / "served.sqlite", log if log == "-" else scratch / log, scratch / "file", "normal"]
        threads = max if log == "-" else sum
        count(label, text, SERVER_REQUESTS, lambda tool, n: served(tool, command, path, fields, n, scratch, threads))
    for name, text in STORE.items():
        count(f"store `{name}`", text, 1000, lambda tool, n: valgrind.ended(tool, kv, name, file, n, store.COUNTED_KEYS))
    return counted


def served(tool, command, path, fields, count, scratch, threads):
    """What a server takes that is sent so many requests, one after the other over one connection.

    Instructions are those of the connection's thread (`max`), as what others do now and then depends on how long all takes,
    or of all that the program has started (`sum`).
    """
    options, pattern = valgrind.TOOLS[tool]
    if tool == "instructions":
        for dump in scratch.glob("callgrind*"):
            dump.unlink()
        options = ["--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={scratch / 'callgrind'}"]
    with Server(["valgrind", *options, *command], patience=60) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            for number in range(count):
                client.sendall(f"GET {path} HTTP/1.1\r\n{fields[number % len(fields)]}\r\n\r\n".encode())
                client.recv(4096) or sys.exit("the server closed the connection")
    if tool == "instructions":
        # The first is the program's own; of the others the connection's has by far the most.
        totals = [re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE) for dump in sorted(scratch.glob("callgrind-*"))[1:]]
        return threads(int(total[1]) for total in totals if total)
    return valgrind.number(pattern, server.read_log().decode())


# The table.

HEAD = ["operation", "what it is", "instructions", "allocations"]


def table(counted):
    rows = [[label, text, f"{figures[0]:,.0f}", *(f"{round(each, 1) + 0:.1f}" for each in figures[1:])]
            for label, (text, *figures) in counted.items()]
    width = len(rows[0])
    return "\n".join(f"| {' | '.join(row)} |" for row in [HEAD[:width], ["---"] * width, *rows])


def page(counted):
    return f"""# Instructions

What `Benchmarks/count --write` wrote: instructions in user space and allocations of one operation, in release mode, linked
statically. `.ci/run` fails where one takes over {MOST_GROWTH:.0%} more.

{table(counted)}
"""


def committed():
    rows = re.findall(r"^\| (\S.*?) \| .*? \| ([\d,]+) \|", TABLE.read_text(), re.MULTILINE)
    return {label: int(instructions.replace(",", "")) for label, instructions in rows}


def problems(counted, expected):
    for label in counted.keys() ^ expected.keys():
        yield f"{label}: is not both counted and in {TABLE.name}"
    for label in [label for label in counted if label in expected]:
        now, then = counted[label][1], expected[label]
        if now > then * (1 + MOST_GROWTH):
            yield f"{label}: {now:,.0f} instructions instead of {then:,}, {now / then - 1:.0%} more"
