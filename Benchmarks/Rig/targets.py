"""What is asked of each layer, and what it came to. A target is a ratio of two figures out of the same rounds."""

import statistics
from dataclasses import dataclass

import core
import rounds
from closely import ASKED


@dataclass(frozen=True)
class Verdict:
    text: str
    asked: str
    # A figure for each round; none if it could not be measured.
    figures: list
    is_met: bool
    # The same figures of C with llhttp, which parses what it is asked, and logs where ours does, and does nothing else.
    beside: list


def at_least(text, least, figures, beside=()):
    return Verdict(text, f"at least {least:g}", figures, bool(figures) and statistics.median(figures) >= least, beside)


def at_most(text, most, figures, beside=()):
    return Verdict(text, f"at most {most:g}", figures, bool(figures) and statistics.median(figures) <= most, beside)


def more_than_one(text, figures, beside=()):
    return Verdict(text, "more than 1", figures, bool(figures) and statistics.median(figures) > 1, beside)


def each_more_than_one(text, medians, beside=()):
    return Verdict(text, "more than 1", medians, bool(medians) and min(medians) > 1, beside)


def of_server(results):
    """`results`: measurements by (workload, program)."""
    by_name = {(workload.name, program): measured for (workload, program), measured in results.items()}

    def were(*runs):
        return all(run in by_name for run in runs)

    def ratios(key, mine, base):
        if not were(mine, base):
            return []
        pairs = [(a, b) for a, b in zip(by_name[mine], by_name[base]) if "failed" not in a and "failed" not in b]
        return [a[key] / b[key] for a, b in pairs]

    def good(run):
        return [each for each in by_name[run] if "failed" not in each]

    points = {"pinned": "1 connection, pinned", "16": "16 connections", "64": "64", "256": "256", "1000": "1,000"}
    # What is asked is asked with the access log on; without it more shows of what else there is.
    for program, parser, suffix in (
            ("freetser-log", "limit-llhttp-log", ", with the access log"), ("freetser", "limit-llhttp", "")):

        def of_both(key, name, peer):
            """Ours, and those of C with llhttp."""
            return [ratios(key, (name, which), (name, peer)) for which in (program, parser)]

        for name, label in points.items():
            if were((name, program), (name, "limit-thread")):
                text = f"`GET /`, {label}{suffix}: rate by limit-thread's"
                yield at_least(text, ASKED[name], *of_both("rate", name, "limit-thread"))
        for peer in "nio", "hummingbird", "go", "microhttpd":
            names = [name for name in points if were((name, program), (name, peer))]
            if names:
                text = f"`GET /`, each of {', '.join(names)}{suffix}: rate by {peer}'s"
                columns = zip(*(of_both("rate", name, peer) for name in names))
                yield each_more_than_one(text, *([statistics.median(each) for each in one if each] for one in columns))
        for name, peer, ask in (
                ("pipelined", "limit-thread", lambda text, found: at_least(f"16 requests ahead{text}", ASKED["pipelined"], *found)),
                ("pipelined", "microhttpd", lambda text, found: at_least(f"16 requests ahead{text}", 4, *found)),
                ("close", "limit-thread", lambda text, found: more_than_one(f"`Connection: close`{text}", *found))):
            if were((name, program), (name, peer)):
                yield ask(f"{suffix}: rate by {peer}'s", of_both("rate", name, peer))
        if were(("256", program), ("256", "limit-thread")):
            text = f"256 connections{suffix}: p99 by limit-thread's"
            yield at_most(text, 1.2, *of_both("p99", "256", "limit-thread"))
        if were(("idle", program)):
            yield at_most(f"KiB an idle connection{suffix}", 20, [each["idle"] for each in good(("idle", program))])
        if were(("1000", program)):
            found = [(each["peak"] - each["base"]) / 1000 for each in good(("1000", program))]
            yield at_most(f"KiB a connection of 1,000 busy ones{suffix}", 20, found)
    for name, label in ("get", "`store.read` of one key"), ("found", "read, or add if missing; it is there"):
        if were((name, "freetser"), ("none", "freetser")):
            found = ratios("rate", (name, "freetser"), ("none", "freetser"))
            yield at_least(f"{label}: rate by that of `GET /`", 0.8, found)


def of_core(times):
    """A head counts until it can be looked into; tables.py shows the step to the next message too."""
    curl, browser, _, chunked = (title for title, *_ in core.READ.values())
    asked = [
        (browser, core.LLHTTP, 0.7), (browser, core.PICO, 1.6), (curl, core.LLHTTP, 1.0),
        (curl, core.NIO, 0.1), (browser, core.NIO, 0.1), (curl, core.H11, 0.01), (browser, core.H11, 0.01)]
    for title, peer, most in asked:
        if (title, peer) in times:
            yield at_most(f"{title}: time by {peer}'s", most, rounds.ratios(times[title, core.OURS], times[title, peer]))
    yield at_most("a chunk of 1 KiB, ns", 20, [time / 1024 for time in times[chunked, core.OURS]])


def of_store(times):
    def by(row, base="c", base_row=None):
        return rounds.ratios(times[row, "ours"], times[base_row or row, base])

    texts = {"read-1": "`read` of one key", "normal-1": "`overwrite`, `.normal`", "scan": "a scan of a million rows"}
    for row, text in texts.items():
        if (row, "ours") in times:
            yield at_most(f"{text}: time by C's", 1.3, by(row))
    if ("full-64", "ours") in times:
        rates = [1 / each for each in by("full-64")]
        yield at_least("64 threads in `.full`: rate by C's, which commits in groups too", 0.9, rates)
        rates = [1 / each for each in by("full-64", base_row="full-1")]
        yield at_least("64 threads in `.full`: rate by C's with a commit each", 5, rates)
    if rows := [row for row, name in times if name == "grdb"]:
        medians = [statistics.median(1 / each for each in by(row, base="grdb")) for row in rows]
        yield each_more_than_one(f"the store's {len(rows)} rows: rate by GRDB's", medians)
