"""What a program takes under valgrind: instructions in user space, and allocations."""

import re
import subprocess

# How to run a program under a tool, and what the tool says at the end.
TOOLS = {
    "instructions": (["--tool=callgrind", "--callgrind-out-file=/dev/null"], r"Collected : (\d+)"),
    "allocations": (["--tool=memcheck"], r"total heap usage: ([\d,]+) allocs"),
}


def ended(tool, *command):
    """What a program takes until it ends."""
    options, pattern = TOOLS[tool]
    result = subprocess.run(
        ["valgrind", *options, *map(str, command)], check=True, text=True, capture_output=True, timeout=300)
    return number(pattern, result.stderr)


def number(pattern, log):
    return int(re.findall(pattern, log)[-1].replace(",", ""))
