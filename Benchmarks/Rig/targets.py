"""What is asked of each layer, and what it came to. A target is a ratio of two figures out of the same rounds."""

import statistics
from dataclasses import dataclass

import core
import rounds


@dataclass(frozen=True)
class Verdict:
    text: str
    asked: str
    # A figure for each round, or one.
    figures: list
    is_met: bool


def at_least(text, least, figures):
    return Verdict(text, f"at least {least:g}", figures, statistics.median(figures) >= least)


def at_most(text, most, figures):
    return Verdict(text, f"at most {most:g}", figures, statistics.median(figures) <= most)


def more_than(text, figures):
    return Verdict(text, "more than 1", figures, statistics.median(figures) > 1)


def of_server(results):
    """`results`: measurements by (workload, program)."""
    by_name = {(workload.name, program): measured for (workload, program), measured in results.items()}

    def ratios(key, mine, base):
        if mine in by_name and base in by_name:
            pairs = [(a, b) for a, b in zip(by_name[mine], by_name[base]) if "failed" not in a and "failed" not in b]
            return [a[key] / b[key] for a, b in pairs]

    names = {"pinned": "1 connection, pinned", "16": "16 connections", "64": "64", "256": "256", "1000": "1,000"}
    for name, label in names.items():
        if found := ratios("rate", (name, "freetser"), (name, "limit-thread")):
            yield at_least(f"`GET /`, {label}: rate by limit-thread's", 0.95, found)
    for peer in "nio", "hummingbird", "go", "microhttpd":
        points = [found for name in names if (found := ratios("rate", (name, "freetser"), (name, peer)))]
        if points:
            medians = [statistics.median(found) for found in points]
            text = f"`GET /`, each of these {len(points)}: rate by {peer}'s"
            yield Verdict(text, "more than 1", medians, min(medians) > 1)
    if found := ratios("rate", ("pipelined", "freetser"), ("pipelined", "limit-thread")):
        yield at_least("16 requests ahead: rate by limit-thread's", 0.75, found)
    if found := ratios("rate", ("pipelined", "freetser"), ("pipelined", "microhttpd")):
        yield at_least("16 requests ahead: rate by microhttpd's", 4, found)
    if found := ratios("rate", ("close", "freetser"), ("close", "limit-thread")):
        yield more_than("`Connection: close`: rate by limit-thread's", found)
    for name, label in ("get", "`store.read` of one key"), ("found", "read, or add if missing; it is there"):
        if found := ratios("rate", (name, "freetser"), ("none", "freetser")):
            yield at_least(f"{label}: rate by that of `GET /`", 0.8, found)
    if found := ratios("p99", ("256", "freetser"), ("256", "limit-thread")):
        yield at_most("256 connections: p99 by limit-thread's", 1.2, found)
    idle = [each["idle"] for each in by_name.get(("idle", "freetser"), []) if "failed" not in each]
    if idle:
        yield at_most("KiB an idle connection", 20, idle)
    busy = [(each["peak"] - each["base"]) / 1000 for each in by_name.get(("1000", "freetser"), []) if "failed" not in each]
    if busy:
        yield at_most("KiB a connection of 1,000 busy ones", 20, busy)


def of_core(times):
    curl, browser, _, chunked = (title for title, *_ in core.READ.values())
    asked = [
        (browser, core.LLHTTP, 0.7), (browser, core.PICO, 1.6), (curl, core.LLHTTP, 1.0),
        (curl, core.NIO, 0.1), (browser, core.NIO, 0.1), (curl, core.H11, 0.01), (browser, core.H11, 0.01)]
    for title, peer, most in asked:
        if (title, peer) in times:
            yield at_most(f"{title}: time by {peer}'s", most, rounds.ratios(times[title, core.OURS], times[title, peer]))
    yield at_most("a chunk of 1 KiB, ns", 20, [time / 1024 for time in times[chunked, core.OURS]])


def of_store(times):
    def by_c(row, base="c", base_row=None):
        if (row, "ours") in times and (base_row or row, base) in times:
            return rounds.ratios(times[row, "ours"], times[base_row or row, base])

    texts = {"read-1": "`read` of one key", "normal-1": "`overwrite`, `.normal`", "scan": "a scan of a million rows"}
    for row, text in texts.items():
        if found := by_c(row):
            yield at_most(f"{text}: time by C's", 1.3, found)
    if found := by_c("full-64"):
        yield at_least("64 threads in `.full`: rate by C's, which commits in groups too", 0.9, [1 / each for each in found])
    if found := by_c("full-64", base_row="full-1"):
        yield at_least("64 threads in `.full`: rate by C's with a commit each", 5, [1 / each for each in found])
    rows = [row for row, name in times if name == "grdb"]
    if rows:
        medians = [statistics.median(1 / each for each in by_c(row, base="grdb")) for row in rows]
        yield Verdict(f"the store's {len(rows)} rows: rate by GRDB's", "more than 1", medians, min(medians) > 1)
