"""Lets HTTPCore talk to h11: what one writes the other must read as it was meant, in both directions.

Each side's steps are kept as a script; core-cases follows it from the start each time there is more to receive.
"""

import random

import h11

import cases
from compare import from_core


def as_bytes(parts):
    return [part if isinstance(part, bytes) else part.encode() for part in parts]


class Core:
    """HTTPCore's end."""

    def __init__(self, reader, role):
        self.reader, self.role, self.steps, self.written, self.seen = reader, role, [], 0, 0

    def follow(self, *steps):
        """Follows some more steps; gives what was written and what was read by them."""
        self.steps += [(word, *as_bytes(parts)) for word, *parts in steps]
        outcome = self.reader.ask(cases.script(self.role, *self.steps))
        assert not outcome["error"], (outcome["error"], self.steps)
        wire = outcome["wire"].encode("latin-1")
        written, self.written = wire[self.written :], len(wire)
        items, self.seen = from_core(outcome)["items"][self.seen :], len(outcome["items"])
        return written, items, outcome["state"]


class H11:
    """h11's end, with the same steps."""

    def __init__(self, role):
        self.connection = h11.Connection(h11.SERVER if role == "server" else h11.CLIENT)

    def follow(self, *steps):
        from with_h11 import note

        written, items = b"", []
        for word, *parts in steps:
            parts = as_bytes(parts)
            fields = lambda rest: list(zip(rest[::2], rest[1::2]))
            match word:
                case "request":
                    event = h11.Request(method=parts[0], target=parts[1], headers=fields(parts[2:]))
                case "response":
                    event = h11.Response(status_code=int(parts[0]), reason=parts[1], headers=fields(parts[2:]))
                case "interim":
                    event = h11.InformationalResponse(status_code=int(parts[0]), reason=parts[1], headers=fields(parts[2:]))
                case "content" | "follows":
                    event = h11.Data(data=parts[0])
                case "end":
                    event = h11.EndOfMessage(headers=fields(parts))
                case "next":
                    self.connection.start_next_cycle()
                    continue
                case "receive" | "ended":
                    data = parts[0] if word == "receive" else b""
                    if data or word == "ended":
                        self.connection.receive_data(data)
                    while (event := self.connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                        note(items, event)
                        if isinstance(event, h11.ConnectionClosed):
                            break
                    continue
            written += self.connection.send(event) or b""
        return written, items, f"{self.connection.our_state} {self.connection.their_state}"


def message(chance, start):
    """The steps that send a message, and the items that whoever reads it must see."""
    is_request = start[0] == "request"
    content = [chance.randbytes(chance.randint(1, 60)) for _ in range(chance.choice([0, 1, 1, 2, 4]))]
    fields = [(chance.choice(["X", "accept", "Set-Cookie", "x-y"]), chance.choice(["", "a", "a, b", "\u00e9", "x" * 200]))
              for _ in range(chance.randint(0, 4))]
    trailers = []
    forbidden = not is_request and (start[1] in ("204", "304") or start[3] == "HEAD")
    if forbidden:
        content = []
        if start[1] not in ("204", "304"):
            fields.append(("Content-Length", "5"))  # h11 would add chunked framing
    elif chance.random() < 0.5 or not content:
        fields.append(("Content-Length", str(sum(map(len, content)))))
    else:
        fields.append(("Transfer-Encoding", "chunked"))
        if chance.random() < 0.3:
            trailers = [("X-Sum", "1")]
    if is_request:
        fields.insert(chance.randint(0, len(fields)), ("Host", "a.example"))
    flat = lambda pairs: [part for pair in pairs for part in pair]
    steps = [(*start[:3], *flat(fields))]
    steps += [(chance.choice(["content", "follows"]), part) for part in content]
    steps.append(("end", *flat(trailers)))
    head = [start[0], int(start[1]) if start[1].isdigit() else start[1], start[2], "1.1", sorted(fields)]
    items = [head] + ([["content", b"".join(content).decode("latin-1")]] if content else []) + [["end", trailers]]
    return steps, items


def plain(items):
    """Items with their fields in one order, without the persistence field that a sender adds itself."""
    result = []
    for kind, *rest in items:
        if kind in ("request", "response", "end"):
            rest[-1] = sorted((name.lower(), value) for name, value in rest[-1] if name.lower() != "connection")
        result.append([kind, *rest])
    return result


def converse(reader, chance):
    """One connection, several exchanges; returns what went wrong, or None."""
    we_ask = chance.random() < 0.5
    client = Core(reader, "client") if we_ask else H11("client")
    server = H11("server") if we_ask else Core(reader, "server")
    for _ in range(chance.choice([1, 2, 3])):
        method = chance.choice(["GET", "POST", "HEAD", "PUT"])
        steps, sent = message(chance, ["request", method, "/a?b"])
        wire, _, _ = client.follow(*steps)
        _, read, _ = server.follow(("receive", wire))
        if plain(read) != plain(sent):
            return f"request: sent {sent}, read {read}, wire {wire!r}"
        interim, expected = [], []
        if chance.random() < 0.2:
            interim, expected = [("interim", "103", "Early", "Link", "x")], [["response", 103, "Early", "1.1", [("Link", "x")]]]
        steps, sent = message(chance, ["response", chance.choice(["200", "404", "204", "304"]), "OK", method])
        wire, _, _ = server.follow(*interim, *steps)
        _, read, _ = client.follow(("receive", wire))
        if plain(read) != plain(expected + sent):
            return f"response: sent {expected + sent}, read {read}, wire {wire!r}"
        client.follow(("next",))
        server.follow(("next",))
    _, read, state = server.follow(("ended",))
    return None if read == [["closed"]] else f"closing: {read} {state}"


def main(reader, count, seed):
    chance = random.Random(seed)
    failures = [wrong for wrong in (converse(reader, chance) for _ in range(count)) if wrong]
    print(f"h11, {count} conversations with it, about half as client: {len(failures)} went wrong (seed {seed})")
    for wrong in failures[:5]:
        print(f"  {wrong}")
    return not failures
