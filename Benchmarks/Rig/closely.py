"""How near some programs come to limit-thread, and how sure that is.

All of them run at once and are loaded one after the other, a second each, in another order in every round. So what is
compared was measured within seconds, by servers that had begun long before; and as there are many rounds, their mean has an
error that can be told. It is not all that differs: a process may keep for as long as it lives what was decided by chance when it
began. So there is another process of limit-thread too: what differs less than that one may be the same.
"""

import math
import os
import random
import statistics
import sys
from contextlib import ExitStack

import load
import programs
import workloads
from server import Server

BASE = "limit-thread"
# Another process of the same program: how far two differ that are the same.
AGAIN = "limit-thread again"
ASKED = {"pinned": 0.95, "16": 0.95, "64": 0.95, "256": 0.95, "1000": 0.95, "pipelined": 0.75}
OTHERS = [AGAIN, "limit-llhttp", "limit-llhttp-log", "freetser", "freetser-log"]


def table(rounds, scratch):
    """The table's lines, each as soon as it is known."""
    commands = {}
    for name in [BASE, *OTHERS]:
        if name == AGAIN:
            commands[name] = commands[BASE]
            continue
        # A place of its own for each: a store has one process at a time.
        place = scratch / name
        place.mkdir()
        (place / "file").write_bytes(workloads.FILE)
        built, _ = programs.build([name], programs.PROGRAMS, place)
        commands |= built
    others = [name for name in OTHERS if name in commands]
    yield " | ".join(["| workload", "asked", *(f"{name}: rate, p99, µs more" for name in others)]) + " |"
    yield "| --- " * (2 + len(others)) + "|"
    for family in "hello", "shapes":
        for workload in workloads.FAMILIES[family][1]:
            if workload.name in ASKED:
                figures = bursts(workload, commands, rounds, scratch)
                cells = [
                    f"{share(figures, name, 'rate')}, {share(figures, name, 'p99')}, {more(figures, name):+.1f}"
                    for name in others]
                yield f"| {workload.label} | {ASKED[workload.name]} | {' | '.join(cells)} |"


def bursts(workload, commands, rounds, scratch):
    """What each program did in each round."""
    with ExitStack() as stack:
        pinned = load.PINNED if workload.is_pinned else []
        servers = {name: stack.enter_context(Server([*pinned, *command(workload)])) for name, command in commands.items()}
        for server in servers.values():
            load.check(server.port, workload)
        figures = {name: [] for name in servers}
        # What a server does first does not count.
        for number in range(1 + rounds):
            print(f"{workload.label}: round {number} of {rounds}", file=sys.stderr, flush=True)
            for name in random.sample(list(servers), len(servers)):
                empty_logs(scratch / name)
                figures[name].append(load.load(servers[name], workload, 1, scratch))
    return {name: each[1:] for name, each in figures.items()}


def empty_logs(place):
    """Where servers are started anew their logs are too. A log that grew all the time would take new memory for every line,
    which a virtual machine has to be given first: a tenth of the rate, where lines come fastest."""
    for log in place.glob("*.log"):
        os.truncate(log, 0)


def share(figures, name, what):
    """The geometric mean of the rounds' ratios, with its standard error. wrk has 0 for a p99 that it has lost count of."""
    pairs = [(mine[what], base[what]) for mine, base in zip(figures[name], figures[BASE])]
    logarithms = [math.log(mine / base) for mine, base in pairs if mine and base]
    if len(logarithms) < 2:
        return "unknown"
    mean = math.exp(statistics.mean(logarithms))
    return f"{mean:.3f} ± {mean * statistics.stdev(logarithms) / math.sqrt(len(logarithms)):.3f}"


def more(figures, name):
    """Microseconds of processor time a request more than limit-thread's."""
    return statistics.median(mine["cpu"] - base["cpu"] for mine, base in zip(figures[name], figures[BASE]))
