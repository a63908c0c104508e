"""Sends cases to a program that reads them, one a line, and takes what it made of each."""

import json
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DECISIONS = ROOT / "docs" / "protocol-decisions.md"


def built(package, product):
    """Builds a product of one of our packages and gives the program's path."""
    # The plan of an earlier build does not see files that came or went in a package depended on by path (Swift 6.3.1).
    (package / ".build" / "release.yaml").unlink(missing_ok=True)
    # Linked statically, as all benchmarks are, so that both are built once.
    swift = ["swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", package, "--product", product]
    subprocess.run(swift, check=True, stdout=sys.stderr)
    place = subprocess.run([*swift, "--show-bin-path"], check=True, text=True, stdout=subprocess.PIPE)
    return Path(place.stdout.strip()) / product


def core():
    return Reader(built(ROOT / "Tests" / "Differential", "core-cases"))


def reading(role, mode, cut, wire, ends=True):
    """A case that reads bytes; Sources/Cases/Case.swift says what the words mean."""
    return f"{role} {mode} {cut} {'ends' if ends else 'stays'} {wire.hex()}"


def script(role, *steps):
    """A case that follows a script: each step a word and the bytes that belong to it."""
    words = (f"{word}={','.join(part.hex() for part in parts)}" for word, *parts in steps)
    return f"script {role} {' '.join(words)}"


class Reader:
    """A program that answers each case with a line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, case):
        self.process.stdin.write(case.encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def ask_all(self, cases):
        def write():
            for case in cases:
                self.process.stdin.write(case.encode() + b"\n")
            self.process.stdin.flush()

        writer = threading.Thread(target=write)
        writer.start()
        answers = [self.answer() for _ in cases]
        writer.join()
        return answers

    def answer(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else sys.exit("the program that reads cases has stopped")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def decisions():
    """The first cell of each row of docs/protocol-decisions.md, with its section."""
    rows = {}
    for line in DECISIONS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4:
            rows[cells[0]] = cells[1]
    return rows


def check_decisions(names, where):
    """Every difference has a row in docs/protocol-decisions.md."""
    if missing := sorted(set(names) - set(decisions())):
        sys.exit(f"{where} names rows that docs/protocol-decisions.md does not have: {missing}")
