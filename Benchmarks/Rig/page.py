"""docs/performance.md: what stands above the mark is written by hand, what follows it by Benchmarks/run."""

import core
import counts
import machine
import plots
import programs
import rounds
import stalls
import store
import tables
import targets
import workloads

MARK = "<!-- Benchmarks/run --full writes what follows. -->"
# A part is refused if more than this share of its ratios differs too much from round to round.
MOST_NOISY = 0.2
OWN_TITLES = {
    "store": ("The store behind the server, 64 clients", "request"),
    "seed": ("The predecessor's own benchmark: a get-or-create for each request", "clients"),
    "rows": ("How a read grows with the rows of the store", "rows"),
    "values": ("How a read grows with the size of the values, of 1,000 rows", "bytes"),
}


def own_ratios(found):
    """Freetser's ratio to what stands first, for each round: (part, what is compared, ratios)."""
    base = {}
    for (workload, program), measured in found.get("servers", {}).items():
        first = base.setdefault(workload, measured)
        ratios = tables.rate_ratios(measured, first)
        if program == "freetser" and first is not measured and ratios:
            yield "servers", f"{workload.label} connections" if workload.label[0].isdigit() else workload.label, ratios
    times = found.get("store", ({}, {}))[0]
    for row, name in times:
        if name == "ours" and (row, "c") in times:
            yield "store", store.ROWS[row][0], rounds.ratios(times[row, "ours"], times[row, "c"])
    times = found.get("core", {})
    for title, name in times:
        if name == core.NIO:
            yield "core", title, rounds.ratios(times[title, core.OURS], times[title, name])


def noise(found):
    """What says little, a line for each."""
    for part, facts in found["parts"].items():
        if facts["stolen"] > machine.MOST_STOLEN:
            yield f"{part}: the host took {facts['stolen']:.0%} of the processors' time"
    for part, label, ratios in own_ratios(found):
        if rounds.is_noisy(ratios):
            yield f"{part}, {label}: {min(ratios):.2g} to {max(ratios):.2g} of what it is compared with"


def refused(found):
    """The parts that are to be measured again."""
    ratios = list(own_ratios(found))
    for part, facts in found["parts"].items():
        own = [each for its, _, each in ratios if its == part]
        if facts["stolen"] > machine.MOST_STOLEN or sum(map(rounds.is_noisy, own)) > MOST_NOISY * len(own):
            yield part


def problems(found, judges_steps):
    """What is missing or fails of what is ours, and steps in its latency, which are no news on a busy machine."""
    for part, left_out in found["left out"].items():
        yield from (f"{part}: {line}" for line in left_out if line.split(":")[0] in {part, "ours", *programs.OURS})
    for (workload, program), measured in found.get("servers", {}).items():
        if program not in programs.OURS:
            continue
        for each in measured:
            if "failed" in each:
                yield f"{workload.label}: {program} {each['failed']}"
        found_errors = sum(each.get("errors", 0) for each in measured)
        if found_errors:
            yield f"{workload.label}: {program}: {found_errors} errors"
        # One that is ours comes again; one of the machine's in one round of several is no news either.
        if judges_steps and 2 * sum(each.get("has_step", False) for each in measured) > len(measured):
            yield f"{workload.label}: {program}: a step near 40 ms"
    if judges_steps:
        yield from stalls.problems(found.get("stalls", {}))


def plot(name, text, drawn):
    return [f"![{text}](plots/{name}.svg)\n"] if name in drawn else []


def body(found, drawn):
    """The lines of the tables, with the plots that were drawn."""
    verdicts = []
    if "servers" in found:
        verdicts += targets.of_server(found["servers"])
    if "store" in found:
        verdicts += targets.of_store(found["store"][0])
    if "core" in found:
        verdicts += targets.of_core(found["core"])

    yield f"On {found['machine']}. Each run of wrk took {found['seconds']} s.\n"
    yield tables.markdown(["part", "measured on", "rounds", "minutes", "of the processors' time the host took"], [
        [part, facts["date"], facts["rounds"], f"{facts['minutes']:.0f}", f"{facts['stolen']:.1%}"]
        for part, facts in found["parts"].items()])
    yield ""
    if noisy := list(noise(found)):
        yield "Differed much from round to round: " + "; ".join(noisy) + ".\n"
    if left_out := sum(found["left out"].values(), []):
        yield "Left out: " + "; ".join(left_out) + ".\n"
    yield "## What is asked, and what it came to\n"
    yield "The median of the rounds, with the lowest and the highest. In the last column is what the same is for C with llhttp, which parses"
    yield "what it is asked, has the same log where Freetser has one, and nothing else of what a server does.\n"
    yield from tables.of_targets(verdicts)
    if servers := found.get("servers"):
        yield "## The server\n"
        yield from plot("connections", "Requests a second and processor time a request, against connections", drawn)
        for family in workloads.FAMILIES:
            if any(workload in workloads.FAMILIES[family][1] for workload, _ in servers):
                yield from tables.of_family(servers, family)
                if family == "shapes":
                    yield from plot("memory", "Memory that an idle connection takes", drawn)
        yield from plot("workloads", "Requests a second in the other workloads", drawn)
        for family, (title, head) in OWN_TITLES.items():
            yield from tables.of_own(servers, family, title, head)
            if family == "seed":
                yield from plot("predecessor", "Requests a second beside the predecessor's", drawn)
        yield from plot("growth", "How a read grows", drawn)
    if found.get("calls"):
        yield from tables.of_calls(found["calls"])
    if "stalls" in found:
        yield from tables.of_stalls(found["stalls"])
    if "store" in found:
        yield "## The store by itself\n"
        yield from plot("store", "The store beside SQLite's API, GRDB and LMDB", drawn)
        yield from tables.of_store(*found["store"])
    if "store counts" in found:
        yield from tables.of_store_counts(found["store counts"])
    if "core" in found:
        yield "## HTTPCore by itself\n"
        yield from plot("heads", "Heads and a response, beside other parsers", drawn)
        yield from tables.of_core(found["core"])
    if counts.TABLE.exists():
        yield "## Instructions\n"
        yield "One operation's, in user space, which `.ci/run` compares with this table (`Benchmarks/count`):\n"
        yield counts.TABLE.read_text().split("\n\n")[-1]


def write(found, docs):
    page = docs / "performance.md"
    drawn = plots.draw(found, docs / "plots")
    by_hand, mark, _ = page.read_text().partition(MARK)
    if not mark:
        raise SystemExit(f"{page} has no line {MARK}")
    page.write_text("\n".join([by_hand + MARK, "", *body(found, drawn)]).rstrip() + "\n")
