"""The server under attack, seen from outside: how it starts, what it holds, how it ends."""

import os
import pathlib
import random
import re
import subprocess
import tempfile
import time
from typing import NamedTuple

from client import PATIENCE, Client, Wrong

# One arena instead of 8 a core, each of which would keep a little for later, more or less by chance.
ALLOCATOR = "glibc.malloc.arena_max=1"


class Memory(NamedTuple):
    heap: int  # bytes that were allocated and not freed
    resident: int  # bytes that no file is behind, stacks among them, after all that is free was given back


class Server:
    def __init__(self, program, options, seed):
        self.program, self.seed = program, seed
        self.random = random.Random(seed)
        self.directory = tempfile.TemporaryDirectory(prefix="soak-")
        self.log_path = pathlib.Path(self.directory.name, "log")
        database = os.path.join(self.directory.name, "store.sqlite")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--db", database, *options], stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "GLIBC_TUNABLES": ALLOCATOR})
        try:
            line = self.wait(
                lambda: re.search(r"Listening on 127\.0\.0\.1:(\d+), .*\n", self.log), lambda: "no address")
        except Wrong:
            self.kill()
            raise
        self.port = int(line[1])
        self.at_rest = self.descriptors, self.threads

    def connect(self, **options):
        return Client(self.port, **options)

    def another(self, options):
        return Server(self.program, options, self.seed)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def proc(self):
        return pathlib.Path("/proc", str(self.process.pid))

    @property
    def descriptors(self):
        return len(os.listdir(self.proc / "fd"))

    @property
    def threads(self):
        return len(os.listdir(self.proc / "task"))

    @property
    def memory(self):
        with self.connect() as client:
            client.get("/heap")
            heap = int(client.expect(200).body)
        resident = re.search(r"Anonymous:\s+(\d+) kB", (self.proc / "smaps_rollup").read_text())
        return Memory(heap, int(resident[1]) * 1024)

    @property
    def peak(self):
        """The most bytes that were ever resident, those of files among them."""
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", (self.proc / "status").read_text())[1])

    def wait(self, condition, state):
        """Waits until the condition holds, and returns what it gave; `state` tells what is there instead."""
        deadline = time.monotonic() + PATIENCE
        while not (result := condition()):
            if self.process.poll() is not None:
                raise Wrong(f"the server ended with {self.process.returncode}: {self.log[-4000:]}")
            if time.monotonic() > deadline:
                raise Wrong(f"waited {PATIENCE} s, and the server has {state()}: {self.log[-4000:]}")
            time.sleep(0.01)
        return result

    def wait_for_rest(self):
        """Waits until it has the descriptors and threads that it began with."""
        self.wait(
            lambda: (self.descriptors, self.threads) == self.at_rest,
            lambda: f"{self.descriptors} descriptors and {self.threads} threads, not {self.at_rest}")

    def stop(self, warning=None):
        """Asks it to end, which it does in order and without having complained, but for a warning that is expected."""
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        complaints = [line for line in re.findall(r".* (?:warning|error|critical) \[.*", self.log)
                      if not (warning and warning in line)]
        if status != 0 or complaints or "Server stopped" not in self.log:
            raise Wrong(f"the server ended with {status} and said: {complaints or self.log[-4000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()
