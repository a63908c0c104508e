"""The servers that are measured: how each is built, what it offers, and how it is started.

Each listens on 127.0.0.1 on a port of the system's choice and prints it. A program is a function from a workload to the
command that serves it, or to `None` if it does not offer it.
"""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import workloads

BENCHMARKS = Path(__file__).resolve().parent.parent
SERVERS = BENCHMARKS / "Servers"
# The folder of llhttp's sources, where there is one.
LLHTTP = None
EVERYTHING = {"/", "/64k", "/10m", "/file", "/upload", "/json"}


class Missing(Exception):
    """What is needed for a program is not on this machine."""


def limit_thread(scratch):
    return limit(compile_c(BENCHMARKS / "Limit" / "limit-thread.c", scratch))


def limit_epoll(scratch):
    return limit(compile_c(BENCHMARKS / "Limit" / "limit-epoll.c", scratch))


def limit_llhttp(scratch, *arguments):
    if LLHTTP is None:
        raise Missing("llhttp's sources")
    program = compile_c(
        BENCHMARKS / "Limit" / "limit-llhttp.c", scratch, "-I", LLHTTP / "include", sources=sorted((LLHTTP / "src").glob("*.c")))
    return lambda workload: None if workload.closes else [program, *arguments] if workload.path == "/" else None


def limit_llhttp_log(scratch):
    """With a line a request in a file."""
    return limit_llhttp(scratch, scratch / "limit.log")


def limit(program):
    """It understands no request, so it is told how to answer all."""
    sizes = {"/64k": ["bytes", str(len(workloads.KIB64))], "/10m": ["bytes", str(len(workloads.MIB10))], "/": []}

    def command(workload):
        if workload.path in sizes:
            return [program, *sizes[workload.path], *(["close"] if workload.closes else [])]

    return command


def freetser(scratch):
    return ours(scratch, lambda workload: "-")


def freetser_log(scratch):
    """With a line a request in a file."""
    command = ours(scratch, lambda workload: scratch / "access.log")
    return lambda workload: command(workload) if workload.path == "/" else None


def ours(scratch, log):
    program = build_swift(BENCHMARKS, "freetser-server")
    filler = compile_c(BENCHMARKS / "StorePeers" / "sqlite-store.c", scratch, "-lsqlite3")

    def command(workload):
        file = scratch / f"{workload.rows}-of-{workload.bytes}.sqlite"
        if workload.rows and not file.exists():
            subprocess.run([filler, "fill", file, str(workload.rows), str(workload.bytes)], check=True)
        return [program, file, log(workload), scratch / "file", workload.durability]

    return command


def nio(scratch):
    return swift_peer("nio-server", scratch)


def hummingbird(scratch):
    return swift_peer("hummingbird-server", scratch)


def flyingfox(scratch):
    # Linked statically it would need libcurl as a static library.
    return swift_peer("flyingfox-server", scratch, is_static=False)


def go(scratch):
    need("go")
    program = scratch / "go-server"
    subprocess.run(["go", "build", "-o", program, SERVERS / "go-server.go"], check=True)
    return offering(EVERYTHING, program, scratch / "file")


def microhttpd(scratch):
    program = compile_c(SERVERS / "microhttpd-server.c", scratch, "-lmicrohttpd")
    return offering(EVERYTHING - {"/json"}, program, scratch / "file")


def nginx(scratch):
    need("nginx")
    pages = scratch / "www"
    pages.mkdir(exist_ok=True)
    for name, body in ("64k", workloads.KIB64), ("10m", workloads.MIB10), ("file", workloads.FILE):
        (pages / name).write_bytes(body)

    def command(workload):
        if workload.path not in {"/", "/64k", "/10m", "/file"}:
            return None
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = (SERVERS / "nginx.conf").read_text().replace("PORT", str(port)).replace("SCRATCH", str(scratch))
        configuration = scratch / "nginx.conf"
        configuration.write_text(text)
        return ["sh", "-c", f'echo "Listening on 127.0.0.1:{port}"; exec nginx -p "{scratch}" -c "{configuration}"']

    return command


def h11(scratch):
    command = offering(EVERYTHING, python_with("h11"), SERVERS / "h11-server.py", scratch / "file")
    # With thousands of threads it takes a quarter of a minute until all are answered once.
    return lambda workload: command(workload) if workload.connections + workload.idle <= 1000 else None


# The first is what all others are compared with.
PROGRAMS = {
    "limit-thread": limit_thread, "limit-epoll": limit_epoll, "limit-llhttp": limit_llhttp,
    "limit-llhttp-log": limit_llhttp_log, "freetser": freetser, "freetser-log": freetser_log,
    "nio": nio, "hummingbird": hummingbird, "flyingfox": flyingfox, "go": go, "microhttpd": microhttpd, "nginx": nginx,
    "h11": h11,
}
# Whose errors and stalls are mistakes of this project.
OURS = {"freetser", "freetser-log"}


def build(names, known, scratch):
    """What is built of the programs known, and a line for each whose needs are not there."""
    built, left_out = {}, []
    for name in names:
        print(f"building {name}", file=sys.stderr, flush=True)
        try:
            built[name] = known[name](scratch)
        except (Missing, subprocess.SubprocessError) as reason:
            left_out.append(f"{name}: {reason} cannot be had here" if isinstance(reason, Missing) else f"{name}: {reason}")
            print(left_out[-1], file=sys.stderr, flush=True)
    return built, left_out


def offering(paths, *command):
    return lambda workload: list(command) if workload.path in paths else None


def need(tool):
    if shutil.which(tool) is None:
        raise Missing(tool)


def python_with(package):
    """A Python that has a package: the one that scripts/differential makes, or this one."""
    for python in BENCHMARKS.parent / ".build-venv/bin/python3", sys.executable:
        if Path(python).exists() and subprocess.run([python, "-c", f"import {package}"], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    raise Missing(f"Python's {package}")


def compile_c(source, scratch, *flags, sources=()):
    program = scratch / source.stem
    try:
        subprocess.run(["cc", "-O3", "-w", "-pthread", "-o", program, source, *sources, *flags], check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise Missing(f"a C compiler, or what {source.name} includes,") from None
    return program


def swift_peer(product, scratch, is_static=True):
    try:
        return offering(EVERYTHING, build_swift(SERVERS, product, is_static), scratch / "file")
    except subprocess.CalledProcessError:
        raise Missing("a package of it") from None


def build_swift(package, product, is_static=True):
    # The plan of an earlier build does not see files that came or went in a package depended on by path (Swift 6.3.1).
    (package / (".build" if is_static else ".build-dynamic") / "release.yaml").unlink(missing_ok=True)
    # As docs/deploy.md has it; for everybody's sake.
    swift = ["swift", "build", "-c", "release", "--package-path", package, "--product", product]
    # In a place of its own what is built otherwise, so that neither undoes the other.
    swift += ["--static-swift-stdlib"] if is_static else ["--scratch-path", package / ".build-dynamic"]
    subprocess.run(swift, check=True, stdout=sys.stderr)
    place = subprocess.run([*swift, "--show-bin-path"], check=True, text=True, stdout=subprocess.PIPE)
    return Path(place.stdout.strip()) / product
