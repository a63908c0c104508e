"""The machine that all is measured on: what it is, and whether it is quiet enough to measure on."""

import json
import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path

# More of the processors' time than this is not to go to others while nothing of ours runs.
MOST_BUSY = 0.10
# A virtual machine whose host takes more than this from it measures the host.
MOST_STOLEN = 0.05


def ticks():
    """Processor time since the start, all told: busy, idle, stolen by the host."""
    user, nice, system, idle, wait, irq, soft, stolen, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + irq + soft, idle + wait, stolen


# Whose versions are those that Swift's package manager chose.
PEERS = ["Swift-NIO", "Hummingbird", "FlyingFox", "GRDB.swift"]


class Watch:
    """What became of the processors' time since it was made."""

    def __init__(self):
        self.before = ticks()

    def shares(self):
        busy, idle, stolen = (now - then for now, then in zip(ticks(), self.before))
        whole = max(busy + idle + stolen, 1)
        return busy / whole, stolen / whole


def what_disturbs(seconds=2):
    """Why it makes no sense to begin, or `None`."""
    watch = Watch()
    time.sleep(seconds)
    busy, stolen = watch.shares()
    if busy > MOST_BUSY:
        return f"other programs use {busy:.0%} of the processors"
    if stolen > MOST_STOLEN:
        return f"the host takes {stolen:.0%} of the processors' time"
    return None


def description():
    """A line for the head of the tables."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: +(\d+)", Path("/proc/meminfo").read_text())[1]) / 1024 / 1024
    return ", ".join([
        f"{os.cpu_count()} cores ({processor[1] if processor else platform.machine()})", f"{memory:.0f} GiB",
        f"Linux {platform.release()}", *versions()])


def versions():
    asked = {
        "Swift": (["swift", "--version"], r"Swift version ([\d.]+)"), "gcc": (["cc", "--version"], r" ([\d.]+)$"),
        "wrk": (["wrk", "-v"], r"wrk (?:debian/)?([\d.]+)"), "Go": (["go", "version"], r"go([\d.]+)"),
        "nginx": (["nginx", "-v"], r"nginx/([\d.]+)"),
        "libmicrohttpd": (["pkg-config", "--modversion", "libmicrohttpd"], r"([\d.]+)"),
        "SQLite": (["pkg-config", "--modversion", "sqlite3"], r"([\d.]+)"),
    }
    for name, (command, pattern) in asked.items():
        if shutil.which(command[0]):
            done = subprocess.run(command, text=True, capture_output=True)
            if found := re.search(pattern, done.stdout + done.stderr, re.MULTILINE):
                yield f"{name} {found[1]}"
    for package in "Servers", "StorePeers":
        resolved = Path(__file__).resolve().parent.parent / package / "Package.resolved"
        if resolved.exists():
            pins = {pin["identity"]: pin["state"].get("version") for pin in json.loads(resolved.read_text())["pins"]}
            yield from (f"{name} {pins[name.lower()]}" for name in PEERS if name.lower() in pins)
