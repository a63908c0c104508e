"""HTTPCore beside other parsers.

HTTPCore does a server's whole work: it checks every byte, keeps the head ready for lookup, and decides framing and
persistence. Its heads have another last field each time, as it compares fields that are all those of the head before; what
it takes for such heads is a row of its own. A further one adds the end of the message and the step to the next; SwiftNIO's
and llhttp's have both, h11's the first. llhttp calls empty callbacks; picohttpparser only splits. Their sources are not part of this
repository.
"""

import subprocess

import programs
import rounds

PEERS = programs.BENCHMARKS / "Peers"
# The messages, and how often each kind of program reads one: ours and those in C, SwiftNIO, h11.
READ = {
    "curl": ("a request's head of 82 bytes", "request", (1_000_000, 100_000, 5_000)),
    "browser": ("a request's head of 669 bytes", "request", (500_000, 50_000, 3_000)),
    "response": ("a response's head of 283 bytes", "response", (500_000, 50_000, 3_000)),
    "chunked": ("1 MiB in chunks of 1 KiB", "request", (10_000, 500, 30)),
}
WRITE = "a response, made and written"
OURS, AGAIN, WHOLE = "HTTPCore", "HTTPCore, the fields of the head before", "HTTPCore, to the next message"
LLHTTP, PICO, NIO, H11 = "llhttp", "picohttpparser, SSE4.2", "SwiftNIO", "h11"
H11_SCRIPT = PEERS / "h11-codec.py"


def cases(scratch, llhttp, pico):
    """For each case, the programs that take turns and their commands, ours first."""
    core, nio = (programs.build_swift(programs.BENCHMARKS, name) for name in ("core-benchmark", "nio-codec"))
    peers = {}
    if llhttp:
        sources = sorted((llhttp / "src").glob("*.c"))
        peers[LLHTTP] = programs.compile_c(PEERS / "llhttp.c", scratch, "-I", llhttp / "include", sources=sources)
    if pico:
        flags = ["-msse4.2", "-I", pico]
        peers[PICO] = programs.compile_c(PEERS / "picohttpparser.c", scratch, *flags, sources=[pico / "picohttpparser.c"])
    try:
        python = programs.python_with("h11")
    except programs.Missing:
        python = None

    found = {}
    for name, (title, kind, (often, less, rarely)) in READ.items():
        message = scratch / name
        message.write_bytes(subprocess.run([core, "message", name], check=True, stdout=subprocess.PIPE).stdout)
        found[title] = {OURS: [core, "chunked-1MiB", often] if name == "chunked" else [core, "read", name, often]}
        if name != "chunked":
            found[title][AGAIN] = [core, "read-again", name, often]
        for peer, program in peers.items():
            if (peer, name) != (PICO, "chunked"):
                found[title][peer] = [program, kind, message, often]
        found[title][NIO] = [nio, kind, message, less]
        if python:
            found[title][H11] = [python, H11_SCRIPT, kind, message, rarely]
    found[WRITE] = {OURS: [core, "response-made", 500_000], NIO: [nio, "write", 100_000]}
    if python:
        found[WRITE][H11] = [python, H11_SCRIPT, "write", "-", 5_000]
    return found


def times(cases, count_of_rounds):
    """Nanoseconds by case and program, a figure for each round."""

    def measure(run):
        title, name = run
        command = map(str, cases[title][name])
        output = subprocess.run([*command], check=True, text=True, stdout=subprocess.PIPE, timeout=120).stdout.split()
        return [float(figure) for figure in output]

    turns = [[(title, name) for name in commands] for title, commands in cases.items()]
    results = rounds.in_turns(turns, count_of_rounds, measure, lambda run: f"core, {run[0]}: {run[1]}")
    found = {}
    for (title, name), figures in results.items():
        found[title, name] = [each[0] for each in figures]
        if name == OURS and len(figures[0]) == 3:
            found[title, WHOLE] = [each[1] for each in figures]
    return found
