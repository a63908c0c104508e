"""A server that runs, and what it costs."""

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class DoesNotListen(Exception):
    """A program that was to serve ended, or took too long."""


class Server:
    """A program that serves as long as the `with` block runs."""

    def __init__(self, command, patience=10):
        self.command = list(map(str, command))
        self.patience = patience

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + self.patience
        while not self.listens():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.__exit__()
                raise DoesNotListen(f"does not listen: {self.read_log().decode(errors='replace')}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15 + self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def listens(self):
        """Asks the system rather than connect: before the first connection memory is measured."""
        found = re.search(rb"127\.0\.0\.1:(\d+)", self.read_log())
        self.port = int(found[1]) if found else None
        sockets = Path("/proc/net/tcp").read_text()
        return found and re.search(rf": 0100007F:{self.port:04X} 00000000:0000 0A ", sockets)

    def read_log(self):
        return os.pread(self.log.fileno(), 1 << 20, 0)

    def processes(self):
        """The server's processes: nginx has workers."""
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def cpu_seconds(self):
        """User and system time of all threads so far, ended ones too."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS_PER_SECOND

    def peak_kib(self):
        """The most memory that the processes ever had in use, added up."""
        statuses = (Path(f"/proc/{pid}/status").read_text() for pid in self.processes())
        return sum(int(re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)[1]) for text in statuses)

    def resident_kib(self):
        """Memory of the processes that is in use now. The kernel's stacks, 16 KiB a thread, are not in it."""
        maps = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes())
        return sum(int(re.search(r"^Rss: +(\d+) kB", text, re.MULTILINE)[1]) for text in maps)
