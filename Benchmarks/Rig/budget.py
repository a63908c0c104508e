"""How much processor time a share of limit-thread's rate leaves a request, and how much programs take more than it.

limit-thread with some more work for each request shows by how much a rate falls for each microsecond. What falls short of
that in another program is spent elsewhere: it sends more bytes, or leaves less in the processor's caches.
"""

import statistics

import programs
import rounds
from load import measure

BASE = "limit-thread"
SHARES = {"pinned": 0.95, "16": 0.95, "64": 0.95, "256": 0.95, "1000": 0.95, "pipelined": 0.75}
OTHERS = ["limit-llhttp", "limit-llhttp-log", "freetser", "freetser-log"]
BUILT = {BASE: programs.PROGRAMS[BASE]} | {name: programs.limit_work(more) for name, more in programs.MORE_WORK.items()} | {
    name: programs.PROGRAMS[name] for name in OTHERS}


def table(turns, commands, options, scratch):
    """The table's lines."""
    found = rounds.in_turns(
        turns, options.rounds, lambda run: measure(run[0], commands[run[1]](run[0]), options.seconds, scratch),
        lambda run: f"{run[0].label}: {run[1]}")
    by_point = {}
    for (workload, program), figures in found.items():
        by_point.setdefault(workload, {})[program] = figures
    others = [name for name in OTHERS if name in commands]
    yield " | ".join(["| workload", "share", "leaves, µs", *(f"{name}: share, µs more" for name in others)]) + " |"
    yield "| --- " * (3 + len(others)) + "|"
    for workload, by_program in by_point.items():
        share = SHARES[workload.name]
        cells = [f"{ratio(by_program, name)}, {more(by_program, name):+.1f}" for name in others]
        yield f"| {workload.label} | {share} | {left(by_program, share):.1f} | {' | '.join(cells)} |"


def pairs(by_program, name):
    """A program's figures and limit-thread's of the same round, where both have some."""
    both = zip(by_program[name], by_program[BASE])
    return [(mine, base) for mine, base in both if "failed" not in mine and "failed" not in base]


def ratio(by_program, name):
    return rounds.spread([mine["rate"] / base["rate"] for mine, base in pairs(by_program, name)])


def more(by_program, name):
    """Microseconds of processor time a request more than limit-thread's."""
    return statistics.median(mine["cpu"] - base["cpu"] for mine, base in pairs(by_program, name))


def left(by_program, share):
    """Microseconds: a request takes longer in proportion to its work, as the line through what was measured says."""
    slopes = [
        (base["rate"] / mine["rate"] - 1) / (nanoseconds / 1000)
        for name, nanoseconds in programs.MORE_WORK.items()
        for mine, base in pairs(by_program, name)]
    return (1 / share - 1) / statistics.median(slopes)
