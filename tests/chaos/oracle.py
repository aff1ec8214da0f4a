"""Who is right: what each client rendered, beside the log as another gateway tells it, and what the mock produces."""

import concurrent.futures
import http.client
import json
import random
import re
import urllib.parse

COUNTS = ("lost", "duplicated", "reordered", "unended", "wrongly complete")


class Asker:
    """GETs on one kept connection, tried again while servers come back."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def get(self, path):
        for last in (False, False, True):
            try:
                self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                self.connection.request("GET", path)
                reply = self.connection.getresponse()
                return reply.status, reply.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                if last:
                    raise


def expected(mock, stream):
    query = urllib.parse.urlencode({"model": "richierich", "input": stream.input, **stream.params})
    status, body = mock.get(f"/v1/answer?{query}")
    assert status == 200, body
    return body


def kind_of_difference(have, want):
    """One word for what is wrong with `have`."""
    if len(have) < len(want):
        return "lost"
    return "duplicated" if len(have) > len(want) else "reordered"


def spans(events):
    """[(off, epoch)] of the log, from its events: an id is the position after what came with it."""
    found, off = [], 0
    for epoch, end in re.findall(rb"^id: (\d+)-(\d+)-", events, re.M):
        if int(end) > off and (not found or found[-1][1] != int(epoch)):
            found.append((off, int(epoch)))
        off = int(end)
    return found


def epoch_at(found, off):
    return max((e for e in found if e[0] <= off), default=(0, 0))[1]


def fenced(shown, logged):
    """Was text shown under an epoch older than the log has it under: the word of a producer that had lost its lease? (A newer
    one is none: text that comes back from history comes whole, under the epoch of its end.)"""
    return any(epoch_at(shown, off) < epoch_at(logged, off) for off, _ in shown + logged)


def judge(stream, want, log, events):
    """All that is wrong with one stream, as (kind, words)."""
    wrong = list(stream.violations)
    have, done = bytes(stream.data), stream.done
    if done is None or done["type"] != "done":
        return wrong + [("unended", f"no done; {len(have)} of {len(want)} bytes, errors {stream.errors[-3:]}")]
    if done["state"] != "complete":
        wrong.append(("unended", f"{done['state']}: {done.get('error')}"))
    elif have != want:
        wrong.append(("wrongly complete", f"{len(have)} of {len(want)} bytes"))
    if done["state"] == "complete" and have != want:
        wrong.append((kind_of_difference(have, want), "not what the model said"))
    status, found = log
    if status != 200:
        return wrong + [("lost", f"the log answers {status}: {found[:200]}")]
    found = json.loads(found)
    if found["text"].encode() != have:
        wrong.append((kind_of_difference(have, found["text"].encode()), "not what the log says"))
    # An end told while the store was away (of which the client was told) is written by whoever took over, under its own epoch.
    told_alone = "STORE_DEGRADED" in stream.errors and found["epoch"] > done["epoch"]
    for name in ("state", "off", "crc") if told_alone else ("state", "epoch", "off", "crc"):
        if found[name] != done[name]:
            wrong.append(("reordered", f"{name}: done says {done[name]}, the log {found[name]}"))
    if "STORE_DEGRADED" not in stream.errors and fenced(stream.spans, spans(events[1])):
        wrong.append(("reordered", f"shown under epochs {stream.spans}, the log has {spans(events[1])}: a fenced write"))
    return wrong


def judge_all(streams, mock_port, ports, seed):
    """[(stream, wrongs)]: of every stream, those of no wrong included."""
    chance, count = random.Random(seed), 4

    def share(part):
        mock, logs = Asker(mock_port), {p: Asker(p) for p in ports}
        found = []
        for s in part:
            path, log = f"/v1/generations/{s.gen}", logs[chance.choice(ports)]
            found.append((s, judge(s, expected(mock, s), log.get(path), log.get(path + "/events"))))
        return found

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [x for part in pool.map(share, [streams[i::count] for i in range(count)]) for x in part]
