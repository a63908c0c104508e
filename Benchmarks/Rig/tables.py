"""The tables of docs/performance.md."""

import statistics

import core
import rounds
import store
import workloads


def markdown(head, rows):
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, ["---"] * len(head), *rows])


def good(measured):
    return [each for each in measured if "failed" not in each]


def median(measured, key):
    return statistics.median(each[key] for each in measured)


def family_of(name):
    return workloads.FAMILIES[name][1]


def rate_ratios(measured, base):
    pairs = [(a, b) for a, b in zip(measured, base) if "failed" not in a and "failed" not in b]
    return [a["rate"] / b["rate"] for a, b in pairs]


def matrix(results, family, cell):
    """A row for each program, a column for each workload of a family; `cell` makes text of (measurements, base's)."""
    columns = [workload for workload in family_of(family) if any(w == workload for w, _ in results)]
    names = list(dict.fromkeys(program for workload, program in results if workload in columns))
    rows = []
    for name in names:
        row = [name]
        for column in columns:
            measured = results.get((column, name))
            base = results[column, base_of(results, column)]
            row.append("" if measured is None else cell(measured, base) if good(measured) else failures(measured))
        rows.append(row)
    heads = []
    for column in columns:
        base = base_of(results, column)
        heads.append(column.label if cell is not rate or base == names[0] else f"{column.label} (ratio to {base}'s)")
    return markdown(["", *heads], rows)


def base_of(results, workload):
    """Whose figures the others' are divided by: those of the first that takes part."""
    return next(program for each, program in results if each == workload)


def failures(measured):
    failed = [each["failed"] for each in measured if "failed" in each]
    return f"failed {len(failed)} of {len(measured)}: {failed[0][:60]}" if failed else ""


def rate(measured, base):
    found = rate_ratios(measured, base)
    errors = sum(each["errors"] for each in good(measured))
    ratio = f" · **{statistics.median(found):.2f}** ({min(found):.2f} to {max(found):.2f})" if found else ""
    notes = [f"{errors:,} errors"] if errors else []
    if failed := failures(measured):
        notes.append(failed)
    return ", ".join([f"{median(good(measured), 'rate'):,.0f}{ratio}", *notes])


def cpu(measured, _):
    return f"{median(good(measured), 'cpu'):,.1f}"


def latency(measured, _):
    return f"{median(good(measured), 'p50') / 1000:,.2f} · {median(good(measured), 'p99') / 1000:,.2f}"


def peak(measured, _):
    return f"{median(good(measured), 'peak') / 1024:,.1f}"


def idle(measured, _):
    found = [each["idle"] for each in good(measured)]
    return "" if None in found else f"{statistics.median(found):.1f}"


def of_family(results, family):
    yield f"### {workloads.FAMILIES[family][0]}\n"
    yield "Requests a second · **ratio** to the first row's (lowest to highest of the rounds):\n"
    yield matrix(results, family, rate)
    yield "\nMicroseconds of the server's processor time a request:\n"
    yield matrix(results, family, cpu)
    if family != "shapes":
        yield "\nLatency, p50 · p99, in ms:\n"
        yield matrix(results, family, latency)
    yield "\nPeak memory, MiB, without the stacks in the kernel, 16 KiB a thread:\n"
    yield matrix(results, family, peak)
    if with_idle := {run: measured for run, measured in results.items() if run[0].idle and run[0] in family_of(family)}:
        yield "\nMemory that an idle connection takes, KiB, without a thread's 16 KiB in the kernel:\n"
        yield matrix(with_idle, family, idle)
    yield ""


def of_own(results, family, title, head):
    """Freetser's own workloads, one a row; the ratio is to the first."""
    own = [workload for workload in workloads.OWN[family] if (workload, "freetser") in results]
    if not own:
        return
    base, rows = results[own[0], "freetser"], []
    for workload in own:
        measured = results[workload, "freetser"]
        found = good(measured)
        if not found:
            rows.append([workload.label, failures(measured), "", "", "", ""])
            continue
        row = [workload.label, f"{median(found, 'rate'):,.0f}", rounds.spread(rate_ratios(measured, base)),
               cpu(measured, base), f"{median(found, 'p50') / 1000:.2f}", f"{median(found, 'p99') / 1000:.2f}"]
        if family == "seed":
            row[2] = f"{workloads.SEED_RATES[workload.connections]:,}" if workload.connections in workloads.SEED_RATES else "could not be run"
        rows.append(row)
    yield f"### {title}\n"
    yield markdown([head, "requests/s", "its predecessor's, on 22 cores" if family == "seed" else "ratio to the first",
                    "CPU µs a request", "p50, ms", "p99, ms"], rows)
    yield ""


def of_calls(calls):
    yield "### System calls\n\nUnder `wrk -c 16`, counted by strace; rarer ones belong to connections that begin and end:\n"
    yield markdown(["server", "requests", "system calls a request", "of these"], [
        [name, f"{requests:,}", f"{sum(counts.values()):.3f}", ", ".join(
            f"{call} {count:.3f}" for call, count in sorted(counts.items(), key=lambda each: -each[1]) if count >= 0.005)]
        for name, (requests, counts) in calls.items()])
    yield ""


def of_stalls(stalls):
    yield "### Single exchanges\n\nThat would take 40 ms or more where Nagle's algorithm meets a delayed acknowledgement; medians:\n"
    yield markdown(["exchange", "ms"], [[shape, f"{ms:.2f}"] for shape, ms in stalls.items()])
    yield ""


def of_core(times):
    rows = []
    for title in dict.fromkeys(title for title, _ in times):
        for (each, name), figures in times.items():
            if each == title:
                ratios = ["" if name.startswith(core.OURS) or (title, ours) not in times
                          else spread3(rounds.ratios(times[title, ours], figures)) for ours in (core.OURS, core.WHOLE)]
                rows.append([title, name, f"{statistics.median(figures):,.0f}", *ratios])
    yield markdown(["message", "program", "ns, median", "HTTPCore's time by its", "to the next message"], rows)
    yield ""


def spread3(numbers):
    return f"{statistics.median(numbers):.3g} ({min(numbers):.3g} to {max(numbers):.3g})"


def of_store(times, growths):
    rows = []
    base = next(name for _, name in times)
    for (row, name), nanoseconds in times.items():
        median = statistics.median(nanoseconds)
        rows.append([store.ROWS[row][0], store.TITLES[name], f"{median / 1000:,.2f}", f"{1e9 / median:,.0f}",
                     rounds.spread(rounds.ratios(nanoseconds, times[row, base]))])
    yield markdown(["row", "program", "µs an operation", "a second", "times C's time"], rows)
    yield ""
    if growths:
        yield "Memory that the scan took: " + ", ".join(
            f"{store.TITLES[name]} {statistics.median(kib) / 1024:,.1f} MiB" for name, kib in growths.items()) + "."
        yield ""


def of_store_counts(counts):
    yield markdown(["row", "program", "instructions", "allocations"], [
        [store.ROWS[row][0], store.TITLES[name], f"{each.get('instructions', float('nan')):,.0f}", f"{each['allocations']:.1f}"]
        for (row, name), each in counts.items()])
    yield ""


def of_targets(verdicts):
    yield markdown(["what", "asked", "measured", "", "C with llhttp"], [
        [verdict.text, verdict.asked, spread3(verdict.figures) if verdict.figures else "failed", "met" if verdict.is_met else "**not met**",
         spread3(verdict.beside) if verdict.beside else ""]
        for verdict in verdicts])
    yield ""
