"""One run of wrk against a server started for it: requests a second, latency, processor time, memory."""

import re
import socket
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from server import DoesNotListen, Server

REPORT = Path(__file__).parent / "report.lua"
HOLD = Path(__file__).parent / "hold.py"
PINNED = ["taskset", "-c", "0"]
# With more connections than this, waiting for one's turn alone can take 40 ms, and looks like a step there. A stall
# does not depend on their number, so it shows with fewer as well.
MOST_CONNECTIONS_JUDGED = 64


class Failed(Exception):
    """Why a server has no figures."""


def measure(workload, command, seconds, scratch):
    """A dictionary of figures; of `failed` alone, which says why, if there are none. A server's failure is its own."""
    try:
        with Server([*(PINNED if workload.is_pinned else []), *command]) as server:
            return figures(server, workload, seconds, scratch)
    except (Failed, DoesNotListen, OSError, subprocess.SubprocessError, ValueError) as error:
        reason = " ".join(f"{error}".replace("|", "/").split())
        print(f"FAILED: {reason}", file=sys.stderr, flush=True)
        return {"failed": reason}


def figures(server, workload, seconds, scratch):
    base = server.resident_kib()
    check(server.port, workload)
    with held(server.port, workload.idle) if workload.idle else nullcontext() as are_held:
        idle = (server.resident_kib() - base) / workload.idle if workload.idle else None
        found = load(server, workload, seconds, scratch)
        if are_held and not are_held():
            raise Failed("closes idle connections")
    return found | {"base": base, "peak": server.peak_kib(), "idle": idle}


def check(port, workload):
    """Asks once, as wrk will, and looks at the whole of each answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(workload.request * workload.depth)
        # One reader for all: each response leaves the next one in its buffer.
        stream = client.makefile("rb")
        for _ in range(workload.depth):
            try:
                response = HTTPResponse(Stream(stream))
                response.begin()
                body = response.read()
            except HTTPException as error:
                raise Failed(f"answers what is no response: {error!r}") from None
            if response.status != 200 or not workload.is_answered_by(body):
                raise Failed(f"answers {response.status} with {len(body)} bytes: {body[:60]!r}")
        if workload.closes and stream.read(1):
            raise Failed("does not close")


class Stream:
    """Gives HTTPResponse a stream that others read too, and that it must not close."""

    def __init__(self, stream):
        self.stream = stream

    def makefile(self, _):
        return self

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def close(self):
        pass


@contextmanager
def held(port, count):
    """Another process holds idle connections; gives a function that tells whether they are all still open."""
    hold = [sys.executable, HOLD, str(port), str(count)]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        try:
            if holder.stdout.readline() != "held\n":
                raise Failed(f"does not hold {count:,} connections")
            yield lambda: holder.communicate("look\n", timeout=60)[0] == "held\n"
        finally:
            holder.kill()


def load(server, workload, seconds, scratch):
    """wrk's own part."""
    request, other = scratch / "request", scratch / "other"
    request.write_bytes(workload.request)
    other.write_bytes(workload.other)
    wrk = [
        "wrk", f"-t{min(2, workload.connections)}", f"-c{workload.connections}", f"-d{seconds}s", "--latency",
        "--timeout", "10s", "-s", REPORT, f"http://127.0.0.1:{server.port}/", "--", request, str(workload.depth),
        *([other] if workload.other else [])]
    before = server.cpu_seconds()
    result = subprocess.run(
        [*(PINNED if workload.is_pinned else []), *wrk], text=True, capture_output=True, timeout=seconds + 60)
    report = re.search(r"^REPORT (.*)", result.stdout, re.MULTILINE)
    if server.process.poll() is not None:
        raise Failed(f"ended with {server.process.returncode}")
    if not report:
        raise Failed(f"wrk says: {result.stderr or result.stdout}")
    requests, microseconds, p50, p99, before_step, step, errors = map(int, report[1].split())
    if requests == 0:
        raise Failed("answers no request in time")
    is_judged = workload.connections <= MOST_CONNECTIONS_JUDGED and len(workload.request) < 10_000
    return {
        "requests": requests, "rate": requests / microseconds * 1e6, "cpu": (server.cpu_seconds() - before) / requests * 1e6,
        "p50": p50, "p99": p99, "errors": errors,
        "has_step": is_judged and step > requests / 1000 and step > 2 * before_step,
    }
