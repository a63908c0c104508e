"""The store beside a C program that uses SQLite's API with the same settings and tables, beside GRDB and, for scale, LMDB."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import programs
import rounds
import valgrind

PEERS = programs.BENCHMARKS / "StorePeers"
# Each row: what it is, how many threads it has, and how many operations each does.
ROWS = {
    "read-1": ("`read` of one key, 1 thread", 1, 100_000),
    "read-2": ("`read` of one key, 2 threads", 2, 100_000),
    "gets": ("`get`, all in one `read`", 1, 200_000),
    "normal-1": ("`overwrite`, `.normal`, 1 thread", 1, 20_000),
    "full-1": ("`overwrite`, `.full`, 1 thread", 1, 500),
    "full-64": ("`overwrite`, `.full`, 64 threads", 64, 100),
    "scan": ("a row of a scan of 1,000,000, `forEach`", 1, 1_000_000),
}
TITLES = {"c": "C, SQLite's API", "ours": "Freetser", "grdb": "GRDB", "lmdb": "LMDB"}
ROWS_OF_FILE, ROWS_OF_SCAN = 100_000, 1_000_000
# What is counted, how many operations more the second of two runs does, and on how many keys: few, so that all pages are in
# every program's cache.
COUNTED, COUNTED_OPERATIONS, COUNTED_KEYS = ["read-1", "gets", "normal-1"], 2_000, 1_000


def c(scratch):
    return programs.compile_c(PEERS / "sqlite-store.c", scratch, "-lsqlite3")


def ours(_):
    return programs.build_swift(programs.BENCHMARKS, "store-benchmark")


def grdb(_):
    try:
        return programs.build_swift(PEERS, "grdb-store")
    except subprocess.CalledProcessError:
        raise programs.Missing("its package") from None


def lmdb(scratch):
    return programs.compile_c(PEERS / "lmdb-store.c", scratch, "-llmdb")


# The first is what all others are compared with.
PROGRAMS = {"c": c, "ours": ours, "grdb": grdb, "lmdb": lmdb}


def times(commands, rows, count_of_rounds, scratch):
    """Nanoseconds an operation, by row and program, a figure for each round; and by program the KiB that a scan took."""
    places = {(row, name): file(row, name, commands, scratch) for row in rows for name in commands}

    def measure(run):
        row, name = run
        _, threads, count = ROWS[row]
        nanoseconds, total, growth = figures(commands[name], row, places[run], count)
        return nanoseconds / threads / count, total, growth

    turns = [[(row, name) for name in commands] for row in rows]
    results = rounds.in_turns(turns, count_of_rounds, measure, lambda run: f"store, {run[0]}: {TITLES[run[1]]}")
    for row in rows:
        if len(sums := {total for name in commands for _, total, _ in results[row, name]}) > 1:
            raise SystemExit(f"{row}: the programs did not do the same: {sums}")
    growths = {name: [growth for _, _, growth in results["scan", name]] for name in commands} if "scan" in rows else {}
    return {run: [each[0] for each in measured] for run, measured in results.items()}, growths


def file(row, name, commands, scratch):
    """A file with many rows to scan, which those on SQLite share; or one of the program's own to change."""
    many = row == "scan"
    format = "lmdb" if name == "lmdb" else "sqlite"
    original = scratch / f"{format}-{'many' if many else 'few'}"
    if not original.exists():
        maker = commands["lmdb" if name == "lmdb" else "c"]
        subprocess.run([maker, "fill", original, str(ROWS_OF_SCAN if many else ROWS_OF_FILE)], check=True)
    if many:
        return original
    own = scratch / f"{name}.few"
    return own if own.exists() else Path(shutil.copyfile(original, own))


def figures(command, row, place, count):
    """Nanoseconds, the sum of what was done, and the growth of memory in KiB."""
    done = subprocess.run([command, row, place, str(count)], check=True, text=True, stdout=subprocess.PIPE, timeout=300)
    return [int(figure) for figure in done.stdout.split()]


def counts(commands, scratch):
    """Instructions in user space and allocations of an operation, by row and program: the difference of two runs."""
    tools = {"instructions": instructions, "allocations": allocations}
    if shutil.which("valgrind") is None:
        del tools["instructions"]
    counted = {}
    for row in COUNTED:
        for name, command in commands.items():
            place = file(row, name, commands, scratch)
            for tool, count in tools.items():
                few, many = (count(command, row, place, n, scratch) for n in (COUNTED_OPERATIONS, 2 * COUNTED_OPERATIONS))
                counted.setdefault((row, name), {})[tool] = (many - few) / COUNTED_OPERATIONS
    return counted


def allocations(command, row, place, count, scratch):
    library = scratch / "count-allocations.so"
    if not library.exists():
        source = PEERS / "count-allocations.c"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    result = subprocess.run(
        [command, row, place, str(count), str(COUNTED_KEYS)], check=True, text=True, capture_output=True, timeout=300,
        env={**os.environ, "LD_PRELOAD": str(library)})
    return int(re.findall(r"allocations: (\d+)", result.stderr)[-1])


def instructions(command, row, place, count, _):
    return valgrind.ended("instructions", command, row, place, count, COUNTED_KEYS)
