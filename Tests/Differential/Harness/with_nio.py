"""Compares HTTPCore with SwiftNIO's HTTP/1 decoder on the same generated messages.

The decoder is only that: it does not ask for Host, answers nothing, and leaves switching and closing to others. What it
does not say at all (reason phrases, the end of the connection) is not compared.
"""

import random
import re
import sys

import cases
from compare import Rule, Tally, contains, from_core
from generate import Generator
from with_h11 import RULES as H11_RULES, framed

def lacks_host(wire):
    heads = (wire[found.end() - 2 :].split(b"\r\n\r\n")[0] for found in re.finditer(rb"HTTP/1\.[1-9]\r\n", wire))
    return any(not re.search(rb"(?im)^host:", head) for head in heads)


# Whatever frames it, for the decoder a CONNECT request ends with its head, and so does every response to one.
NO_CONTENT_THERE = r"^\['(content|end)', .* here, \['end', \[\]\] there$"
CONTENT_FLAW = "^(malformedChunk|contentShorterThanLength|closedInsideMessage)$"
framed_connect = contains(rb"CONNECT [^\n]*HTTP/1\.\d\r\n(?:[^\n]+\n)*(?:content-length|transfer-encoding):")
declined = contains(rb"HTTP/1\.\d [3-9]\d\d")

RULES = [rule for rule in H11_RULES if rule.side == "we refuse"] + [
    Rule("we refuse", "^missingHost$", "Host", lacks_host),
    Rule("we refuse", "^bareCarriageReturn$", "bare LF, bare CR", contains(rb"\r(?!\n)")),
    Rule("we refuse", "^closedInsideMessage$", "an empty line before a request line", contains(rb"(^|\W)\r$"), "server"),
    Rule("we refuse", "^repeatedHost$", "Host", contains(rb"\nhost:.*\nhost:")),
    Rule("we refuse", "^malformedRequestLine$", "an empty line before a request line", contains(rb"(^|\n|\W)\r\n\r\n")),
    Rule("we refuse", "^malformedStatusLine$", "an empty line before a status line", contains(rb"(^|\n|\W)\r(\n|$)")),
    Rule("we refuse", "^invalidStatus$", "statuses", contains(rb"HTTP/1\.\d 0\d\d")),
    Rule("we refuse", "^unsupportedTransferCoding$", "transfer codings", contains(rb"\ntransfer-encoding:")),
    Rule("we refuse", "^switchWithoutProposal$", "a switch that nobody proposed", contains(rb"HTTP/1\.\d 101")),
    Rule("we refuse", "^closedInsideMessage$", "the end in place of a response", contains(rb"^$|\r\n"), "client"),
    Rule("we stop", "^switched$", "framing in 1xx and in 2xx to CONNECT", contains(rb"HTTP/1\.\d 2\d\d"), "CONNECT"),
    Rule("they refuse", "content-length|transfer-encoding", "framing in 1xx and in 2xx to CONNECT", framed(rb"1\d\d"), "client"),
    Rule("they refuse", "content-length|transfer-encoding", "framing in 1xx and in 2xx to CONNECT", framed(rb"2\d\d"), "client CONNECT"),
    Rule("we stop", "^switched$", "101 without Upgrade or Connection", contains(rb"HTTP/1\.\d 101"), "UPGRADE"),
    Rule("both read", NO_CONTENT_THERE, "content of a CONNECT request", framed_connect, "server"),
    Rule("we refuse", CONTENT_FLAW, "content of a CONNECT request", framed_connect, "server"),
    Rule("both read", NO_CONTENT_THERE, "content of a CONNECT request", declined, "client CONNECT"),
    Rule("we refuse", CONTENT_FLAW, "content of a CONNECT request", declined, "client CONNECT"),
    # What frames no content, the last chunk, is the next response there.
    Rule("they refuse", "invalid constant string", "content of a CONNECT request",
         contains(rb"HTTP/1\.\d [3-9]\d\d[^\n]*\n(?:[^\n]+\n)*transfer-encoding:[^\n]*\n(?:[^\n]+\n)*\r\n0"), "client CONNECT"),
    Rule("they refuse", "invalid HTTP method", "methods", contains(rb"\S [^\n]*HTTP/1")),
    Rule("they refuse", "invalid URL", "forms of targets", contains(rb"[\w+.-]+://")),
    Rule("they refuse", "strict mode assertion", "chunk extensions", contains(rb"\n[\da-f]+[ \t]*;")),
    Rule("they refuse", "after completed connection", "bytes after the last message",
         contains(rb"HTTP/1\.0|\nconnection:[^\n]*close")),
    Rule("we stop|they refuse", "mustClose|invalid", "close and keep-alive",
         contains(rb"\nconnection:[^\n]*close.*\nconnection:[^\n]*keep-alive|keep-alive.*\nconnection:[^\n]*close")),
    Rule("they refuse", "invalid HTTP version", "minor version above 1", contains(rb"HTTP/1\.[2-9]")),
    Rule("they refuse", "character in content-length", "white space around values",
         contains(rb"\ncontent-length:[^\n]*\t[ \t]*\r?\n|\ncontent-length:[ \t]*\t")),
    Rule("they refuse", "chunk size header", "white space after a chunk's size", contains(rb"\n[\da-f]+[ \t]+;")),
]


def answered(role, wire, ours):
    """The bytes without those behind a response, which are the next one for the decoder: the row says why not here."""
    behind = ours["left"] if role == "client" and ours["state"] == "mustClose" else 0
    return wire[: len(wire) - behind]


def comparable(outcome):
    """An outcome without what the decoder does not report."""
    items = [item for item in from_core(outcome)["items"] if item != ["closed"]]
    for item in items:
        if item[0] == "response":
            item[2] = ""
        elif item[0] == "request" and item[1] == "M-SEARCH":
            item[1] = "MSEARCH"  # its name there
        if item[0] != "content":
            # The decoder leaves spaces behind values, for others to take off.
            item[-1] = [[name, value.rstrip(" \t")] for name, value in item[-1]]
    return outcome | {"items": items}


def main(count=2000, seed=None):
    seed = random.randrange(1 << 32) if seed is None else seed
    cases.check_decisions((rule.decision for rule in RULES), __file__)
    generator = Generator(seed)
    made = [generator.case() for _ in range(count)]
    made = [(role, "stop" if role == "server" else mode, wire) for role, mode, wire in made]
    core, nio = cases.core(), cases.Reader(cases.built(cases.ROOT / "Benchmarks", "decoder-comparison"))
    asked = [cases.reading(*case[:2], "whole", case[2]) for case in made]
    tally = Tally(RULES)
    read_here = core.ask_all(asked)
    asked = [cases.reading(role, mode, "whole", answered(role, wire, ours))
             for (role, mode, wire), ours in zip(made, read_here)]
    for case, ours, theirs in zip(made, read_here, nio.ask_all(asked)):
        tally.note(case[:2], case[2], comparable(ours), comparable(theirs))
    core.close()
    nio.close()
    return tally.report(f"SwiftNIO's decoder, {count} cases", seed)


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
