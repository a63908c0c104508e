"""System calls a request, counted by strace while wrk runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import load
import workloads
from server import Server

WORKLOAD = workloads.hello("16", "16", 16)


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
                self.process.kill()
                raise load.Failed(f"strace does not attach: {os.pread(self.log.fileno(), 65536, 0).decode()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)

    def counts(self):
        lines = re.findall(r"^(\w+) +(\d+)$", self.summary.read(), re.MULTILINE)
        return {name: int(count) for name, count in lines if name != "total"}


def count(commands, seconds, scratch):
    """By server: how many requests it answered, and system calls a request by name."""
    if shutil.which("strace") is None:
        raise load.Failed("strace is not installed")
    counted = {}
    for name, command in commands.items():
        print(f"system calls: {name}", file=sys.stderr, flush=True)
        with Server(command(WORKLOAD)) as server:
            with Tracer(server) as tracer:
                requests = load.load(server, WORKLOAD, seconds, scratch)["requests"]
            counted[name] = requests, {call: count / requests for call, count in tracer.counts().items()}
    return counted
