"""Finds where two readers of the same bytes part, and which rule explains it.

A reader's outcome is a list of items, as Sources/Cases/Outcome.swift writes them, and perhaps an error. Where the
lists part, one of three things happened: we refused what the other took, the other refused or left what we took, or
both read on and saw different things. Each difference needs a rule: the row of docs/protocol-decisions.md that names
the section, and a test of the bytes themselves, so that a wrong refusal of ours is not excused by its own reason.
"""

import collections
import re
from dataclasses import dataclass
from typing import Callable


@dataclass
class Rule:
    """Patterns: `side` of the side; `reason` of our error or state if the side is ours, otherwise of theirs or of what
    differs; `case` of the case's role and mode."""

    side: str
    reason: str
    decision: str
    test: Callable[[bytes], bool]
    case: str = ""

    def explains(self, case, side, reason, wire):
        fits = re.fullmatch(self.side, side) and re.search(self.reason, reason) and re.search(self.case, " ".join(case))
        return bool(fits and self.test(wire))


def contains(pattern):
    return re.compile(pattern, re.DOTALL | re.IGNORECASE).search


def part(ours, theirs):
    """Where two outcomes part: a side and a reason; None if they do not."""
    mine, other = ours["items"], theirs["items"]
    place = next((i for i, (a, b) in enumerate(zip(mine, other)) if a != b), min(len(mine), len(other)))
    we_stopped, they_stopped = place == len(mine), place == len(other)
    if not we_stopped and not they_stopped and mine[place][0] == other[place][0] == "content":
        # Content as far as it was read: whoever has less of it has stopped there.
        we_stopped = place == len(mine) - 1 and other[place][1].startswith(mine[place][1])
        they_stopped = place == len(other) - 1 and mine[place][1].startswith(other[place][1])
    if we_stopped and they_stopped:
        if bool(ours["error"]) == bool(theirs["error"]):
            return None
        return ("we refuse", ours["error"]) if ours["error"] else ("they refuse", theirs["error"])
    if we_stopped:
        return ("we refuse", ours["error"]) if ours["error"] else ("we stop", ours["state"])
    if they_stopped:
        return ("they refuse", theirs["error"]) if theirs["error"] else ("they stop", theirs["state"])
    return "both read", f"{mine[place]} here, {other[place]} there"


def text(value):
    """Bytes as HTTPCore shows them: UTF-8, with U+FFFD for what is not."""
    return value.decode("utf-8", "replace")


def normalised(outcome):
    """Items in which differences of mere writing are taken out."""
    items = []
    for kind, *rest in outcome["items"]:
        if kind in ("request", "response", "end"):
            rest[-1] = [[name.lower(), value.lower() if name.lower() == "transfer-encoding" else value]
                        for name, value in rest[-1]]
        items.append([kind, *rest])
    return outcome | {"items": items}


def from_core(outcome):
    """HTTPCore's outcome, its values as text; content stays one character a byte."""
    for item in outcome["items"]:
        if item[0] in ("request", "response", "end"):
            item[-1] = [[name, text(value.encode("latin-1"))] for name, value in item[-1]]
        if item[0] == "response":
            item[2] = text(item[2].encode("latin-1"))
        if item[0] == "request":
            item[2] = text(item[2].encode("latin-1"))
    return normalised(outcome)


class Tally:
    """Counts, and the differences that no rule explains."""

    def __init__(self, rules):
        self.rules = rules
        self.explained = collections.Counter()
        self.accepted = self.refused = 0
        self.unexplained = []

    def note(self, case, wire, ours, theirs):
        parted = part(ours, theirs)
        if parted is None:
            if ours["error"]:
                self.refused += 1
            else:
                self.accepted += 1
            return
        side, reason = parted
        for rule in self.rules:
            if rule.explains(case, side, reason or "", wire):
                self.explained[side, rule.decision] += 1
                return
        self.unexplained.append((case, side, reason, wire, ours, theirs))

    def report(self, name, seed):
        print(f"{name}: {self.accepted} read alike, {self.refused} refused alike, "
              f"{sum(self.explained.values())} differ as decided, {len(self.unexplained)} otherwise (seed {seed})")
        for (side, decision), count in self.explained.most_common():
            print(f"  {count:6} {side}: {decision}")
        # Short ones first: they are easier to understand.
        for case, side, reason, wire, ours, theirs in sorted(self.unexplained, key=lambda found: len(found[3]))[:10]:
            print(f"\nNo rule: {' '.join(case)}: {side}: {str(reason)[:300]}\n  {wire!r}\n"
                  f"  here  {ours['error']} {str(ours['items'])[-1000:]}\n"
                  f"  there {theirs['error']} {str(theirs['items'])[-1000:]}")
        return not self.unexplained
