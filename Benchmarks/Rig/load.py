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


def measure(workload, command, seconds, scratch):
    """A dictionary of figures; `failed` says why there are none."""
    try:
        with Server([*(PINNED if workload.is_pinned else []), *command]) as server:
            base = server.resident_kib()
            if wrong := what_is_wrong(server.port, workload):
                return {"failed": wrong}
            with held(server.port, workload.idle) if workload.idle else nullcontext() as are_held:
                idle = (server.resident_kib() - base) / workload.idle if workload.idle else None
                figures = load(server, workload, seconds, scratch)
                if are_held and not are_held():
                    return {"failed": "closes idle connections"}
            return figures | {"base": base, "peak": server.peak_kib(), "idle": idle}
    except DoesNotListen as error:
        return {"failed": str(error)}
    except (FileNotFoundError, ProcessLookupError):
        return {"failed": "ends"}


def what_is_wrong(port, workload):
    """Asks once, and looks at the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(workload.request)
        response = HTTPResponse(client)
        try:
            response.begin()
            body = response.read()
        except (OSError, HTTPException) as error:
            return f"does not answer: {error}"
    if response.status != 200 or not workload.is_answered_by(body):
        return f"answers {response.status} with {len(body)} bytes: {body[:60]!r}"
    return None


@contextmanager
def held(port, count):
    """Another process holds idle connections; gives a function that tells whether they are all still open."""
    hold = [sys.executable, HOLD, str(port), str(count)]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        were_held = holder.stdout.readline() == "held\n"

        def look():
            return holder.communicate("look\n", timeout=60)[0] == "held\n" and were_held

        yield look
        holder.kill()


def load(server, workload, seconds, scratch):
    """wrk's own part."""
    request = scratch / "request"
    request.write_bytes(workload.request)
    wrk = [
        "wrk", f"-t{min(2, workload.connections)}", f"-c{workload.connections}", f"-d{seconds}s", "--latency",
        "--timeout", "10s", "-s", REPORT, f"http://127.0.0.1:{server.port}/", "--", request, str(workload.depth)]
    before = server.cpu_seconds()
    result = subprocess.run(
        [*(PINNED if workload.is_pinned else []), *wrk], check=True, text=True, stdout=subprocess.PIPE,
        timeout=seconds + 60)
    cpu = server.cpu_seconds() - before
    numbers = re.search(r"^REPORT (.*)", result.stdout, re.MULTILINE)[1]
    requests, microseconds, p50, p99, before_step, step, errors = map(int, numbers.split())
    is_judged = workload.connections <= MOST_CONNECTIONS_JUDGED and len(workload.request) < 10_000
    return {
        "requests": requests, "rate": requests / microseconds * 1e6, "cpu": cpu / max(requests, 1) * 1e6,
        "p50": p50, "p99": p99, "errors": errors,
        "has_step": is_judged and step > requests / 1000 and step > 2 * before_step,
    }
