"""System calls a request, counted by strace while wrk runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import rates
from server import Server

ROW = rates.ROWS["16"]
# Rarer calls belong to connections that begin and end.
FEWEST_SHOWN = 0.005


class Tracer:
    """Counts a server's system calls as long as the `with` block runs."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.log, self.summary = tempfile.TemporaryFile(), tempfile.NamedTemporaryFile("r")
        processes = self.server.processes()
        strace = ["strace", "-c", "-f", "-U", "name,calls", "-o", self.summary.name, *(f"-p{pid}" for pid in processes)]
        self.process = subprocess.Popen(strace, stderr=self.log)
        deadline = time.monotonic() + 10
        while os.pread(self.log.fileno(), 65536, 0).count(b"attached") < len(processes):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"strace does not attach: {os.pread(self.log.fileno(), 65536, 0).decode()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)

    def counts(self):
        lines = re.findall(r"^(\w+) +(\d+)$", self.summary.read(), re.MULTILINE)
        return {name: int(count) for name, count in lines if name != "total"}


def print_table(commands, seconds):
    if shutil.which("strace") is None:
        print("System calls are left out: strace is not installed.")
        return
    print("| server | requests | system calls a request | of these |\n| --- | --- | --- | --- |")
    for name, command in commands.items():
        print(f"calls: {name}", file=sys.stderr)
        with Server(command()) as server:
            with Tracer(server) as tracer:
                requests = rates.load(server, ROW, "/", seconds)["requests"]
            calls = {call: count / requests for call, count in tracer.counts().items()}
        usual = sorted(((count, call) for call, count in calls.items() if count >= FEWEST_SHOWN), reverse=True)
        print(
            f"| {name} | {requests:,} | {sum(calls.values()):.3f} "
            f"| {', '.join(f'{call} {count:.3f}' for count, call in usual)} |", flush=True)
