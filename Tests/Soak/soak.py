"""Attacks servers in all the ways of attacks.py, and checks that they bear it.

    soak.py PROGRAM SECONDS [SEED [ATTACK]...]

Each attack has a server of its own, and goes on in rounds: two, or as many as there is time for. Beside each round a steady
client (steady.py) is served all the time. After the first round and after the last the server comes to have as many descriptors
and threads as when it started, and after the last it holds no more memory than after the first, which has made what is kept.
"""

import resource
import subprocess
import sys
import time
import traceback

from attacks import ATTACKS
from client import PATIENCE, Wrong
from server import Server

# What a server may hold more after the last round than after the first, in bytes. Of the heap it is next to nothing: the
# few threads that live as long as the server keep some freed blocks each. One connection that is not let go is 4 KiB and more.
HEAP_GROWTH = 64 << 10
# Of all memory it is what glibc keeps of ended threads: at most 40 MiB of stacks, which are 40 of ours, each with what was
# touched of its first 20 KiB.
RESIDENT_GROWTH = 1 << 20


class SteadyClient:
    def __init__(self, port, options):
        self.process = subprocess.Popen(
            [sys.executable, __file__.replace("soak.py", "steady.py"), str(port), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def stop(self):
        """How many requests it made, and how long the slowest took; all were answered."""
        output, errors = self.process.communicate(timeout=2 * PATIENCE)
        if self.process.returncode != 0:
            raise Wrong(f"the steady client was not served: {errors}")
        answered, slowest = output.split()
        return int(answered), float(slowest)


class Siege:
    """An attack, the server that it is made on, and what came of it."""

    def __init__(self, attack, program, seed):
        self.attack = attack
        self.server = Server(program, attack.options, seed)
        self.memory = []
        self.rounds = self.seconds = self.answered = self.slowest = 0
        self.extent = None

    def go_on(self):
        """Another round."""
        began = time.monotonic()
        steady = SteadyClient(self.server.port, self.attack.steady)
        try:
            self.extent = self.attack.act(self.server)
        finally:
            answered, slowest = steady.stop()
        self.rounds += 1
        self.seconds += time.monotonic() - began
        self.answered += answered
        self.slowest = max(self.slowest, slowest)

    def rest(self):
        """Waits for the end of all that the rounds so far have left behind, and weighs what remains."""
        self.server.wait_for_rest()
        self.memory.append(self.server.memory)

    def end(self):
        heap, resident = (last - first for first, last in zip(self.memory[0], self.memory[-1]))
        if heap > HEAP_GROWTH or resident > RESIDENT_GROWTH:
            raise Wrong(f"the server holds {heap} bytes more on the heap, {resident} in memory: {self.memory}")
        self.server.stop(self.attack.warning)
        name = f"{self.attack.name}: {self.extent}" if self.extent else self.attack.name
        row = (name, self.rounds, round(self.seconds, 1), self.answered, round(self.slowest * 1000), heap,
               resident // 1024)
        print("|", " | ".join(map(str, row)), "|")


def allow_most_descriptors():
    """For the servers too, which inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(program, seconds, seed, names):
    end = time.monotonic() + seconds
    allow_most_descriptors()
    print(f"Seed {seed}", flush=True)
    sieges = []

    def each(act):
        for siege in sieges:
            try:
                act(siege)
            except Exception:
                traceback.print_exc()
                sys.exit(f"Not borne in round {siege.rounds + 1}, with seed {seed}: {siege.attack.name}")
    try:
        for attack in ATTACKS:
            if not names or attack.name.replace(" ", "_") in names:
                sieges.append(Siege(attack, program, seed))
        each(Siege.go_on)
        each(Siege.rest)
        each(Siege.go_on)
        while time.monotonic() < end:
            each(Siege.go_on)
        each(Siege.rest)
        print("| attack | rounds | seconds | steady client: answers | slowest, ms | heap, bytes more | resident, KiB more |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        each(Siege.end)
    finally:
        for siege in sieges:
            siege.server.kill()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns() % 1_000_000, sys.argv[4:])
