"""The client that must be served whatever others do: asks, checks the answer, and asks again, until its input ends.

It keeps each connection for 20 requests. A connection that the server closes while nothing is asked on it is no fault, so a
request that finds it closed is sent again, once, on a new one (RFC 9110 section 9.2.2). Prints a line after the first answer,
and a summary at the end.
"""

import select
import sys
import time

from client import Client

ON_ONE_CONNECTION = 20


def main(port):
    answered, slowest, client = 0, 0.0, None
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.monotonic()
        is_first = answered % ON_ONE_CONNECTION == 0
        if is_first and client:
            client.leave()
        client = ask(Client(port) if is_first else client, port, f"/target?{answered}", may_be_closed=not is_first)
        answered += 1
        slowest = max(slowest, time.monotonic() - began)
        if answered == 1:
            print("serving", flush=True)
    client.leave()
    print(f"{answered} {slowest}")


def ask(client, port, target, may_be_closed):
    """Asks and checks; returns the connection to go on with."""
    try:
        client.get(target)
        client.expect(200, target.encode())
        return client
    except (EOFError, ConnectionError):
        if not may_be_closed or client.unread:
            raise
        client.leave()
        return ask(Client(port), port, target, may_be_closed=False)


main(int(sys.argv[1]))
