"""The client that must be served whatever others do: asks, checks the answer, and asks again, until its input ends.

    steady.py PORT [--from ADDRESS] [--refusable]

It keeps each connection for 20 requests. A connection that the server closes while nothing is asked on it is no fault, so a
request that finds it closed is sent again, once, on a new one (RFC 9110 section 9.2.2). Where clients may be refused, because
there are too many, it tries until it is served, and is served in the end. Prints a line after the first answer, and a summary at
the end.
"""

import argparse
import select
import sys
import time

from client import PATIENCE, Client, Wrong

ON_ONE_CONNECTION = 20


class SteadyClient:
    def __init__(self, options):
        self.options = options
        self.connection = None
        self.answered = 0

    def ask(self):
        """Asks until it is answered."""
        deadline = time.monotonic() + PATIENCE
        while not self.attempt():
            if time.monotonic() > deadline:
                raise Wrong(f"not served for {PATIENCE} s")
        self.answered += 1

    def attempt(self):
        """Asks; returns whether there is an answer, which is right then."""
        if self.answered % ON_ONE_CONNECTION == 0:
            self.leave()
        is_new = self.connection is None
        try:
            if is_new:
                self.connection = Client(self.options.port, address=self.options.address)
            self.connection.get(f"/target?{self.answered}")
            response = self.connection.response()
        except (EOFError, ConnectionError):
            if not self.options.refusable and (is_new or self.connection.unread):
                raise
            return self.leave()
        if self.options.refusable and response.status == 503:
            return self.leave()
        if response.status != 200 or response.body != f"/target?{self.answered}".encode():
            raise Wrong(f"{self.answered} is answered {response}")
        return True

    def leave(self):
        if self.connection:
            self.connection.leave()
        self.connection = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--from", dest="address")
    parser.add_argument("--refusable", action="store_true")
    client = SteadyClient(parser.parse_args())
    slowest, is_last = 0.0, False
    while not is_last:
        is_last = bool(select.select([sys.stdin], [], [], 0)[0])
        began = time.monotonic()
        client.ask()
        slowest = max(slowest, time.monotonic() - began)
        if client.answered == 1:
            print("serving", flush=True)
    client.leave()
    print(f"{client.answered} {slowest}")


main()
