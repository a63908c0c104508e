"""Resident memory: before the first connection, and what each connection adds to it, idle and busy."""

import subprocess
import sys
import time
from pathlib import Path

from server import Server

HOLD = Path(__file__).parent / "hold.py"
IDLE, BUSY = 5_000, 1_000


def idle(server):
    """Memory while another process holds connections that were answered once; `None` if they are closed meanwhile."""
    hold = [sys.executable, HOLD, str(server.port), str(IDLE)]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        are_held = holder.stdout.readline() == "held\n"
        resident = server.resident_kib()
        are_still_held = holder.communicate("look\n")[0] == "held\n"
    return resident if are_held and are_still_held else None


def busy(server, seconds):
    """The most memory seen while wrk runs."""
    wrk = ["wrk", "-t2", f"-c{BUSY}", f"-d{seconds}s", f"http://127.0.0.1:{server.port}/"]
    most = 0
    with subprocess.Popen(wrk, stdout=subprocess.DEVNULL) as load:
        while load.poll() is None:
            most = max(most, server.resident_kib())
            time.sleep(0.2)
    return most


def each(resident, base, count):
    return "closes them" if resident is None else f"{(resident - base) / count:.1f}"


def print_table(commands, seconds):
    print(f"| server | base, MiB | KiB a connection, {IDLE:,} idle | KiB a connection, {BUSY:,} busy |")
    print("| --- | --- | --- | --- |")
    for name, command in commands.items():
        print(f"memory: {name}", file=sys.stderr)
        with Server(command()) as server:
            base = server.resident_kib()
            while_idle = each(idle(server), base, IDLE)
        with Server(command()) as server:
            base = server.resident_kib()
            while_busy = each(busy(server, seconds), base, BUSY)
        print(f"| {name} | {base / 1024:.1f} | {while_idle} | {while_busy} |", flush=True)
    print("\nWhere each connection has a thread, its 16 KiB of stack in the kernel come on top.")
