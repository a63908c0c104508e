"""Rounds: within one, whatever is compared takes turns, and every second round goes backwards.

Only ratios of what was measured within a minute mean something: machines differ, and so do two hours on the same machine.
"""

import statistics
import sys
import time
from collections import defaultdict

# What differs more from round to round, lowest to highest, says little.
MOST_SPREAD = 1.6


def in_turns(runs, rounds, measure, label):
    """What `measure` gives for each run, in the order of the rounds; `runs` is a list of lists whose runs take turns."""
    results = defaultdict(list)
    began = time.monotonic()
    steps, done = rounds * sum(map(len, runs)), 0
    for number in range(rounds):
        for turn in runs:
            for run in turn if number % 2 == 0 else reversed(turn):
                done += 1
                print(f"[{time.monotonic() - began:5.0f} s, {done} of {steps}] {label(run)}", file=sys.stderr, flush=True)
                results[run].append(measure(run))
    return {run: results[run] for turn in runs for run in turn}


def ratios(mine, theirs):
    """By rounds, so that neighbours in time are compared."""
    return [a / b for a, b in zip(mine, theirs)]


def spread(numbers):
    """The median, with the lowest and the highest: differences smaller than that are noise."""
    return f"{statistics.median(numbers):.2f} ({min(numbers):.2f} to {max(numbers):.2f})"


def is_noisy(ratios):
    """Of five rounds or more the lowest and the highest do not count: a median does not move for one of each."""
    middle = sorted(ratios)[1:-1] if len(ratios) >= 5 else ratios
    return max(middle) > MOST_SPREAD * min(middle)
