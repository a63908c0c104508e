"""The servers that are measured: how each is built and started.

Each answers `GET /` with the same twelve bytes, listens on 127.0.0.1 on a port of the system's choice and prints it.
"""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
SERVERS = BENCHMARKS / "Servers"


class Missing(Exception):
    """What is needed for a server is not on this machine."""


def limit_thread(scratch):
    return constantly(compile_c(BENCHMARKS / "Limit" / "limit-thread.c", scratch))


def quickstart(scratch):
    return constantly(build_swift(ROOT, "quickstart"), "--port", "0", "--db", scratch / "quickstart.sqlite")


def freetser(scratch):
    return constantly(build_swift(BENCHMARKS, "freetser-server"), scratch / "freetser.sqlite", scratch / "access.log")


def nio(_):
    return swift_peer("nio-server")


def hummingbird(_):
    return swift_peer("hummingbird-server")


def flyingfox(_):
    return swift_peer("flyingfox-server")


def go(scratch):
    need("go")
    program = scratch / "go-server"
    subprocess.run(["go", "build", "-o", program, SERVERS / "go-server.go"], check=True)
    return constantly(program)


def microhttpd(scratch):
    try:
        return constantly(compile_c(SERVERS / "microhttpd-server.c", scratch, "-lmicrohttpd"))
    except subprocess.CalledProcessError:
        raise Missing("libmicrohttpd's headers") from None


def nginx(scratch):
    need("nginx")

    def command():
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        text = (SERVERS / "nginx.conf").read_text().replace("PORT", str(port)).replace("SCRATCH", str(scratch))
        configuration = scratch / "nginx.conf"
        configuration.write_text(text)
        return ["sh", "-c", f'echo "Listening on 127.0.0.1:{port}"; exec nginx -p "{scratch}" -c "{configuration}"']

    return command


# The first is what all others are compared with.
PROGRAMS = {
    "limit-thread": limit_thread, "quickstart": quickstart, "freetser": freetser, "nio": nio,
    "hummingbird": hummingbird, "flyingfox": flyingfox, "go": go, "microhttpd": microhttpd, "nginx": nginx,
}
# Whose errors and stalls are mistakes of this project.
OURS = {"quickstart", "freetser"}


def build(names, scratch):
    """Builds the servers; gives for each a function that makes the command to start it. Missing ones are left out."""
    commands = {}
    for name in names:
        print(f"building {name}", file=sys.stderr)
        try:
            commands[name] = PROGRAMS[name](scratch)
        except Missing as missing:
            print(f"{name} is left out: {missing} cannot be had here")
    return commands


def constantly(*command):
    return lambda: list(command)


def need(tool):
    if shutil.which(tool) is None:
        raise Missing(tool)


def compile_c(source, scratch, *libraries):
    program = scratch / source.stem
    subprocess.run(["cc", "-O2", "-pthread", "-o", program, source, *libraries], check=True)
    return program


def swift_peer(product):
    try:
        return constantly(build_swift(SERVERS, product))
    except subprocess.CalledProcessError:
        raise Missing("a package of it") from None


def build_swift(package, product):
    # The plan of an earlier build does not see files that came or went in a package depended on by path (Swift 6.3.1).
    (package / ".build" / "release.yaml").unlink(missing_ok=True)
    # As docs/deploy.md has it; for everybody's sake.
    swift = ["swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", package, "--product", product]
    subprocess.run(swift, check=True, stdout=sys.stderr)
    place = subprocess.run([*swift, "--show-bin-path"], check=True, text=True, stdout=subprocess.PIPE)
    return Path(place.stdout.strip()) / product
