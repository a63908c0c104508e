"""Requests a second, latency and CPU time, with wrk.

Only ratios out of one run mean something: machines differ, and so do two hours on the same machine. So the servers take
turns in every round, in turned order every second round, and the table shows medians.
"""

import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from server import Server

REPORT = Path(__file__).parent / "report.lua"
# With more connections than this, waiting for one's turn alone can take 40 ms, and looks like a step there. A stall
# does not depend on their number, so it shows with fewer as well.
MOST_CONNECTIONS_JUDGED = 64
PINNED = ["taskset", "-c", "0"]


@dataclass
class Row:
    label: str
    connections: int
    # Sends so many requests before it waits for their answers.
    depth: int = 1
    closes: bool = False
    reads_store: bool = False
    # Server and wrk share one core: waking another one varies more than what is measured.
    is_pinned: bool = False

    def runs(self, names):
        """Which server is asked for which path, beginning with what the others are compared to."""
        if not self.reads_store:
            return [(name, "/") for name in names]
        return [(name, path) for name in names for path in STORE_PATHS.get(name, [])]

    def base(self, run, names):
        """What a run is compared to: the first server's or, to see what the store costs, the server's own text."""
        return (run[0] if self.reads_store else names[0], "/")


STORE_PATHS = {"quickstart": ["/", "/user"], "freetser": ["/", "/get", "/found", "/user"]}
ROWS = {
    "pinned": Row("1, pinned", 1, is_pinned=True),
    "16": Row("16", 16),
    "64": Row("64", 64),
    "256": Row("256", 256),
    "1000": Row("1,000", 1000),
    "pipelined": Row("64, pipelined 16 deep", 64, depth=16),
    "close": Row("64, `Connection: close`", 64, closes=True),
    "store": Row("64, reading the store", 64, reads_store=True),
}


def measure(row, name, command, path, seconds):
    """One run of wrk against a server started for it."""
    command = [*(PINNED if row.is_pinned else []), *command()]
    # It understands no fields, so it has to be told.
    if row.closes and name == "limit-thread":
        command.append("close")
    with Server(command) as server:
        return load(server, row, path, seconds)


def load(server, row, path, seconds):
    """One run of wrk."""
    wrk = [
        "wrk", f"-t{min(2, row.connections)}", f"-c{row.connections}", f"-d{seconds}s", "--latency", "-s", REPORT,
        *(["-H", "Connection: close"] if row.closes else []),
        f"http://127.0.0.1:{server.port}{path}", "--", str(row.depth)]
    before = server.cpu_seconds()
    result = subprocess.run(
        [*(PINNED if row.is_pinned else []), *wrk], check=True, text=True, stdout=subprocess.PIPE, timeout=seconds + 30)
    cpu = server.cpu_seconds() - before
    numbers = re.search(r"^REPORT (.*)", result.stdout, re.MULTILINE)[1]
    requests, microseconds, p50, p99, before_step, step, errors = map(int, numbers.split())
    is_judged = row.connections <= MOST_CONNECTIONS_JUDGED
    return {
        "requests": requests, "rate": requests / microseconds * 1e6, "cpu": cpu / max(requests, 1) * 1e6,
        "p50": p50, "p99": p99, "errors": errors,
        "has_step": is_judged and step > requests / 1000 and step > 2 * before_step,
    }


def compare(commands, rows, rounds, seconds):
    """All rounds; gives the measurements of each run in each row."""
    results = {(row, *run): [] for row in rows for run in ROWS[row].runs(list(commands))}
    for round in range(rounds):
        for row in rows:
            runs = ROWS[row].runs(list(commands))
            for name, path in runs if round % 2 == 0 else reversed(runs):
                print(f"round {round + 1}, {row}: {name} {path}", file=sys.stderr)
                results[row, name, path].append(measure(ROWS[row], name, commands[name], path, seconds))
    return results


def print_table(results, names):
    print("| connections | server | requests/s | ratio | CPU µs a request | p50 | p99 | p99's ratio | errors |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for (row, name, path), measurements in results.items():
        bases = results[row, *ROWS[row].base((name, path), names)]
        rate, cpu, p50, p99 = (statistics.median(m[key] for m in measurements) for key in ("rate", "cpu", "p50", "p99"))
        # Neighbours in time are compared; the spread says how far to trust the median.
        ratios = [m["rate"] / base["rate"] for m, base in zip(measurements, bases)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        tail = statistics.median(m["p99"] / max(base["p99"], 1) for m, base in zip(measurements, bases))
        latency = f"{p50 / 1000:.2f} ms | {p99 / 1000:.2f} ms | {tail:.2f}"
        # wrk takes the time of 16 answers for that of each, and adds what it thinks it missed.
        if ROWS[row].depth > 1:
            latency = "| |"
        print(
            f"| {ROWS[row].label} | {name}{'' if path == '/' else ' ' + path} | {rate:,.0f} | {spread} | {cpu:.1f} "
            f"| {latency} | {sum(m['errors'] for m in measurements)} |")


def problems(results, judged):
    """Errors and stalls of the servers that are ours."""
    for (row, name, path), measurements in results.items():
        if name not in judged:
            continue
        if errors := sum(m["errors"] for m in measurements):
            yield f"{row}: {name} {path}: {errors} errors"
        if any(m["has_step"] for m in measurements):
            yield f"{row}: {name} {path}: a step near 40 ms"
