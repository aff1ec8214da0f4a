"""The judge of tests/chaos: can each of its counts be other than zero? It is given streams with one thing wrong each. (That
the harness finds real faults is `tests/chaos/run --plant all`.)"""

import asyncio
import json
import random
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests/chaos"))

import oracle  # noqa: E402
import plan  # noqa: E402
import rows  # noqa: E402
import tally  # noqa: E402
from client import Stream, crc32c  # noqa: E402

TEXT = b"one two three"


def hexed(data):
    return f"{crc32c(data):08x}"


def delta(off, text, before=b"", epoch=1):
    return {"type": "delta", "off": off, "text": text.decode(), "epoch": epoch, "crc": hexed(before + text)}


def stream():
    async def made():
        return Stream(random.Random(1), 3, 10, [])

    s = asyncio.run(made())
    s.accepted = True
    return s


def end(s, state="complete", text=TEXT, epoch=1):
    s.on_done({"type": "done", "state": state, "off": len(text), "crc": hexed(text), "epoch": epoch})
    return s


def whole():
    s = stream()
    s.on_delta(delta(0, b"one "))
    s.on_delta(delta(4, b"two three", b"one "))
    return end(s)


def log(text=TEXT, state="complete", epoch=1):
    found = {"text": text.decode(), "state": state, "epoch": epoch, "off": len(text), "crc": hexed(text)}
    return 200, json.dumps(found).encode()


def events(text=TEXT, epoch=1):
    return 200, f"id: {epoch}-{len(text)}-{hexed(text)}\n".encode()


def kinds(s, want=TEXT, found=None, told=None):
    return {kind for kind, _ in oracle.judge(s, want, found or log(), told or events())}


def test_nothing_wrong():
    assert kinds(whole()) == set()


def test_text_that_never_came():
    s = stream()
    s.on_delta(delta(0, b"one "))
    assert "lost" in kinds(end(s, text=b"one "), found=log(b"one "), told=events(b"one "))


def test_a_gap():
    s = stream()
    s.on_delta(delta(4, b"two three", b"one "))
    assert "lost" in {k for k, _ in s.violations}


def test_text_that_came_twice():
    s = whole()
    s.on_delta(delta(4, b"two three", b"one "))
    assert "duplicated" in kinds(s)
    assert "duplicated" in kinds(whole(), want=b"one ")


def test_a_checksum_that_does_not_agree():
    s = stream()
    s.on_delta(delta(0, b"one ", before=b"zero "))
    assert "reordered" in {k for k, _ in s.violations}


def test_a_write_that_was_fenced():
    s = stream()
    s.on_delta(delta(0, b"one ", epoch=2))
    s.on_delta(delta(4, b"two three", b"one ", epoch=1))
    assert "reordered" in {k for k, _ in s.violations}
    assert "reordered" in kinds(whole(), told=events(epoch=2))


def test_no_end():
    assert "unended" in kinds(stream())
    assert "unended" in kinds(end(whole(), state="error"))


def test_an_end_before_the_end():
    s = stream()
    s.on_delta(delta(0, b"one "))
    assert "wrongly complete" in kinds(end(s, text=b"one "))


def test_a_log_that_says_something_else():
    assert kinds(whole(), found=log(state="running")) == {"reordered"}
    assert kinds(whole(), found=log(b"one two")) >= {"duplicated"}
    assert kinds(whole(), found=(404, b"")) == {"lost"}


class Bounds:
    def __init__(self, strict):
        self.strict = strict


@pytest.mark.parametrize("strict, seconds, holds", [(True, 2.0, True), (True, 2.2, False), (False, 3.9, True), (False, 4.2, False)])
def test_a_time_is_held_to_its_bound(strict, seconds, holds):
    assert rows.bound(Bounds(strict), "resume p99", seconds, 2, 0.1)[1] is holds


def piece(**more):
    return {"row": "gateway", "piece": 0, "of": 2, "broken": {"kills": 2}, "streams": 10, "at_once": 5, "counts": {}, "resumed": [0.5],
            "taken": [], "rewinds": 0, "worst": {}, "sums": {}, "late": 0.0, "fails": [], "seconds": 1, **more}


def test_pieces_come_together_and_failures_are_told(tmp_path):
    file = tmp_path / "record"
    tally.keep(file, piece(counts={"lost": 1}))
    tally.keep(file, piece())
    tally.keep(file, piece(piece=1, resumed=[1.5]))
    total = tally.together(tally.kept(file)["gateway"])
    assert (total["streams"], total["broken"], total["resumed"]) == (20, {"kills": 4}, [0.5, 1.5])
    assert total["failed"] == 1 and tally.good(total)
    assert "1 runs failed" in tally.table(file, ["gateway"])
    for wrong in (piece(counts={"lost": 1}), piece(fails=["x"]), piece(streams=0)):
        assert not tally.good(wrong)


def test_a_fault_is_found_only_as_what_it_is():
    assert plan.PLANTS["retry"].found(piece(counts={"duplicated": 3}))
    assert not plan.PLANTS["retry"].found(piece(counts={"lost": 3}))
    assert plan.PLANTS["watchdog"].found(piece(fails=["no stream stalls past the watchdog + 1 s: 4.00 s"]))
    assert not plan.PLANTS["watchdog"].found(piece(fails=["gateways noticed"]))


def test_the_pieces_of_a_row_are_the_whole():
    for row in plan.ROWS.values():
        assert sum(row.often_of(i)[0] for i in range(row.pieces)) == row.full_often[0]
