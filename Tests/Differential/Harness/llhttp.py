"""Compares HTTPCore with what llhttp's own test documents say: messages in `http` blocks, and a `log` for each.

Requests without Host are common there, and refused here. So that the rest of such a document is compared too, it is
read a second time with a Host field put behind each request line of HTTP/1.1 that is followed by none.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import cases

TABLE = Path(__file__).parent.parent / "llhttp-differences.toml"
# What llhttp calls an error, and is none: another protocol takes over.
SWITCHES = {"21": "upgrade", "22": "upgrade", "23": "upgrade"}


def documents(folder):
    """Each example: its name, its metadata, its bytes and its log."""
    for path in sorted(folder.glob("re*/*.md")):
        headings, meta, block, seen = {}, None, None, {}
        for line in path.read_text().splitlines(keepends=True):
            if block is None and (heading := re.match(r"(#+) (.*)", line)):
                depth = len(heading[1])
                headings = {d: h for d, h in headings.items() if d < depth} | {depth: heading[2].strip()}
            elif block is None and (found := re.match(r"<!-- meta=(\{.*\}) -->", line)):
                meta = json.loads(found[1])
            elif block is None and (found := re.match(r"```(http|log)$", line)):
                block, kind = "", found[1]
            elif block is not None and line.startswith("```"):
                if kind == "http":
                    wire = unescaped(block)
                else:
                    name = f"{path.parent.name}/{path.stem}: {' / '.join(h for _, h in sorted(headings.items()))}"
                    seen[name] = seen.get(name, 0) + 1
                    if seen[name] > 1:
                        name += f" ({seen[name]})"
                    yield name, meta, wire, block
                block = None
            elif block is not None:
                block += line


def unescaped(text):
    """The bytes that a block stands for, by the rules of llhttp's test runner."""
    wire = text.removesuffix("\n").encode()
    wire = wire.replace(b"\\\n", b"").replace(b"\n", b"\r\n")
    for escape, byte in ((b"\\r", b"\r"), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\f", b"\f")):
        wire = wire.replace(escape, byte)
    wire = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)).encode(), wire)
    return re.sub(rb"\\([0-7]{1,3})", lambda found: bytes([int(found[1], 8) & 255]), wire)


def logged(log, wire):
    """What a log says: messages, and the verdict at the end."""
    messages, message, verdict, last = [], None, "accepted", None
    for line in log.splitlines():
        found = re.match(r"off=(\d+|NULL) (?:len=(\d+) )?(.*)", line)
        if not found:
            continue
        offset, length, what = found.groups()
        if what == "message begin":
            # A response's log has none of a request's spans, and the other way round.
            message = {"spans": {}, "fields": [], "trailers": [], "body": b"", "head": False, "complete": False}
            last = None
            messages.append(message)
        elif span := re.match(r"span\[(\w+)\]", what):
            start = int(offset)
            data = wire[start : start + int(length)]
            kind = span[1]
            if kind == "body":
                message["body"] += data
            elif kind in ("header_field", "header_value"):
                fields = message["trailers" if message["head"] else "fields"]
                if kind == "header_field" and last != kind:
                    fields.append([b"", b""])
                fields[-1][kind == "header_value"] += data
                last = kind
            elif not kind.startswith("chunk"):
                message["spans"][kind] = message["spans"].get(kind, b"") + data
        elif what.startswith("header_value complete"):
            last = None
        elif found := re.match(r"headers complete(?:.* status=(\d+))?.* v=(\d)/(\d)", what):
            message |= {"head": True, "status": found[1], "version": f"{found[2]}.{found[3]}"}
            last = None
        elif what == "message complete":
            message["complete"] = True
        elif error := re.match(r"error code=(\d+) reason=\"(.*)\"", what):
            verdict = SWITCHES.get(error[1], "error")
        elif what == "finish=1":
            message["complete"] = True  # the end of the input is the end of the content
        elif what == "finish=2":
            verdict = "error"
    return [summary(message) for message in messages if message["head"]], verdict


def summary(message):
    fields = [[n.lower().decode("latin-1"), v.strip(b" \t").decode("latin-1")] for n, v in message["fields"]]
    start = [message["spans"].get(part, b"").decode("latin-1") for part in ("method", "url", "status")]
    start = [message["status"], start[2]] if message["status"] not in (None, "0") else start[:2]
    return {"start": start, "version": message["version"], "fields": fields, "body": message["body"].decode("latin-1"),
            "complete": message["complete"]}


def ours(outcome):
    """What HTTPCore made of the same bytes, in the same form."""
    messages = []
    for kind, *rest in outcome["items"]:
        if kind in ("request", "response"):
            fields = [[name.lower(), value] for name, value in rest[3]]
            messages.append({"start": [str(rest[0]), rest[1]], "version": rest[2], "fields": fields, "body": "",
                             "complete": kind == "response" and rest[0] < 200})
        elif kind == "content":
            messages[-1]["body"] += rest[0]
        elif kind == "end":
            messages[-1]["complete"] = True
    if outcome["error"]:
        return messages, outcome["error"]
    if outcome["state"] in ("mightSwitch", "switched"):
        return messages, "upgrade"
    # After the last message that may come, the machine pauses; what else has come is never read.
    return messages, "rest unread" if outcome["left"] and outcome["state"] == "mustClose" else "accepted"


def with_host(wire):
    """The bytes with Host in each request of HTTP/1.1 that has none."""
    def added(found):
        head = wire[found.end() :].split(b"\r\n\r\n")[0]
        return found[0] if re.search(rb"(?im)^host:", head) else found[0] + b"Host: added\r\n"

    return re.sub(rb"(?m)^[A-Z-]+ [^\r\n]* HTTP/1\.1\r\n", added, wire)


def difference(theirs, mine):
    """What differs, in one line; None if nothing does."""
    their_messages, their_verdict = theirs
    my_messages, my_verdict = mine
    if their_verdict == "error" and my_verdict not in ("accepted", "upgrade", "rest unread"):
        return None
    if their_verdict != my_verdict:
        return f"{their_verdict} there, {my_verdict} here"
    for one, other in zip(their_messages, my_messages):
        for part in one:
            if one[part] != other[part]:
                return f"{part}: {one[part]} there, {other[part]} here"
    if len(their_messages) != len(my_messages):
        return f"{len(their_messages)} messages there, {len(my_messages)} here"
    return None


def main(folder):
    table = tomllib.loads(TABLE.read_text())["difference"]
    cases.check_decisions((row["decision"] for row in table), TABLE.name)
    listed = {}
    for row in table:
        for document in row["documents"]:
            listed.setdefault(document, row)
    reader = cases.core()
    count, hosts, late, skipped, failures, found = 0, 0, 0, 0, [], set()
    for name, meta, wire, log in documents(folder):
        if meta.get("skipBody"):
            skipped += 1  # llhttp is told not to read content; there is nothing like that here
            continue
        count += 1
        role = "server" if meta["type"].startswith("request") else "client"
        ends = meta["type"].endswith("-finish")
        ask = lambda bytes: reader.ask(
            cases.reading(role, "stop" if role == "server" else "UPGRADE", "every", bytes, ends))
        sent = wire
        outcome = ask(wire)
        if role == "server" and with_host(wire) != wire:
            hosts += 1
            if any(item[0] == "request" and item[3] != "1.0" and "host" not in (field[0].lower() for field in item[4])
                   for item in outcome["items"]):
                failures.append(f"{name}: accepted without Host")
            sent = with_host(wire)
            outcome = ask(sent)
            for item in outcome["items"]:
                if item[0] == "request":
                    item[4] = [field for field in item[4] if field != ["Host", "added"]]
        if "split" in outcome:
            failures.append(f"{name}: cut otherwise: {outcome['split']}")
        theirs = logged(log, wire)
        if theirs[1] == "error" and outcome["left"] and outcome["state"] in ("idle", "sendResponse", "sendBody"):
            # We say what is wrong with a line when it is complete: so complete it.
            outcome = ask(sent + b"\r\n\r\n")
            late += 1
        what = difference(theirs, ours(outcome))
        row = listed.get(name)
        if what and not row:
            failures.append(f"{name} [{meta['type']}]: {what}")
        elif what and row["what"] not in what:
            failures.append(f"{name}: listed as {row['what']}, but: {what}")
        if what:
            found.add(name)
    reader.close()
    failures += [f"{name}: listed, but no longer different" for name in sorted(set(listed) - found)]
    print("\n".join(failures), end="\n" if failures else "")
    print(f"llhttp: {count} documents, each whole, byte by byte and cut everywhere ({skipped} left out); Host added to "
          f"{hosts}; {late} judged with their last line completed; {len(found)} differ, {len(failures)} failures")
    return not failures


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1])))
