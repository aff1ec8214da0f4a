"""What Redis and Postgres add: the same load through a gateway alone and through one of a cluster, in one run.

    cluster   CPU and latency of a token with the log in Redis, beside the embedded gateway
    drain     finished answers out of the outbox into Postgres, beside pgbench's pipelined inserts

    gateway: first processor      mock, load client, Redis, Postgres: second

Redis and Postgres are Debian's, in private folders (deploy/engines.sh). It refuses to tune them.
"""

import json
import os
import re
import subprocess
import time
from pathlib import Path
from statistics import median

from harness import CLIENT_CPU, SERVER_CPU, Server, free_port, pinned, table, window

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ROOT / "deploy/engines.sh"
BATCH = 256  # inserts of one pipeline, as many as the gateway takes from the outbox at once
SCRIPT = """\\startpipeline
{inserts}\\endpipeline
"""
# The row of an answer as the gateway records it, in a table and partition of the same make; and nothing else.
BARE = ("CREATE TABLE bare (LIKE lastword.answers INCLUDING ALL) PARTITION BY RANGE (id);"
        "CREATE TABLE bare_other PARTITION OF bare DEFAULT")
INSERT = ("INSERT INTO bare VALUES (gen_random_uuid(), 'bench', 'bench', gen_random_uuid(), gen_random_uuid(), 'complete', "
          "'bench', 1, 2, 0, 1, 1, 100, :size, '\\x0000000000000000000000000000000000', :outcome, :signature, :body);\n")
OUTCOME = '{"usage":{"prompt_tokens":1,"completion_tokens":100}}'


class Engine(Server):
    """Redis or Postgres, by engines.sh: the process started is the server."""

    def __init__(self, kind, folder):
        port = free_port()
        super().__init__(kind, [str(ENGINES), kind, str(folder), str(port)], port, CLIENT_CPU, f"{folder}.log")
        subprocess.run([ENGINES, "ready", folder, "20"], check=True)
        self.url = (folder / "url").read_text().strip()

    def stop(self):
        if self.name == "postgres":
            self.process.send_signal(2)
            self.process.wait(20)
        super().stop()


def settings(b, port, redis, history=None):
    found = b.config(port)
    found["listen"]["node"] = "bench"
    found["session"] = {"store": "redis", "url": redis.url}
    if history:
        found["history"] = history
    return found


def gateway(b, name, config):
    path = b.work / f"{name}-{config['listen']['port']}.yaml"
    path.write_text(json.dumps(config, indent=1))
    return Server(name, [b.gateway_program, "serve", "--config", str(path)], config["listen"]["port"], SERVER_CPU,
                  b.work / f"{name}.log")


# ------------------------------------------------------------------ a token


def one(b, server, redis, conns, ramp, window_s):
    load = b.load("gateway", "paced", conns, ramp * 1000, server=server)
    try:
        return window(load, server, ramp + 0.7, window_s, also={"redis": redis})
    finally:
        load.stop()
        time.sleep(1)


def cluster(b):
    redis = Engine("redis", b.work / "redis")
    port = free_port()
    alone, shared = b.start("gateway"), gateway(b, "cluster", settings(b, port, redis))
    rows = []
    try:
        for conns in (1, 100, 500, 1000):
            ramp, ratios, added, per, late, costs = 1, [], [], [], [], []
            for _ in range(b.rounds):
                e = one(b, alone, redis, conns, ramp, 3)
                s = one(b, shared, redis, conns, ramp, 3)
                ratios.append(s["us_per_token"] / e["us_per_token"])
                costs.append((e["us_per_token"], s["us_per_token"]))
                added.append(s["token_us"]["p50"] - e["token_us"]["p50"])
                late.append(s["token_us"]["p99"] - e["token_us"]["p99"])
                per.append(s["also"]["redis"] / max(s["tokens"], 1))
                if e["errors"] or s["errors"]:
                    raise SystemExit(f"{conns} streams: {e['errors']} and {s['errors']} errors")
            rows.append([conns, f"{median([c[0] for c in costs]):.1f}", f"{median([c[1] for c in costs]):.1f}",
                         f"**{median(ratios):.2f}**", f"{median(added):+.0f} / {median(late):+.0f}", f"{median(per):.2f}"])
    finally:
        for server in (shared, alone, redis):
            server.stop()
        b.servers.pop("gateway", None)
    print("### Log in Redis, 50 tokens/s for each stream, beside the embedded gateway (aims at 1,000: 1.5 x, +300 µs at "
          "p50, Redis 3 µs)\n")
    table(["streams", "embedded CPU µs/token", "with Redis", "ratio", "added latency p50 / p99 µs",
             "Redis CPU µs/token"], rows)


# ------------------------------------------------------------------ the outbox


def sql(url, text):
    done = subprocess.run(["psql", "-qAtX", "-d", url, "-c", text], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def drained(b, redis, postgres, count):
    """Answers a second of a gateway that finds a backlog."""
    server = gateway(b, "drain", settings(b, free_port(), redis, {"store": "postgres", "url": postgres.url}))
    try:
        left = lambda: int(sql(postgres.url, "SELECT count(*) FROM lastword.running"))
        marks = []
        while not marks or marks[-1][1]:
            marks.append((time.monotonic(), left()))
            if marks[-1][0] - marks[0][0] > 120:
                raise SystemExit(f"{marks[-1][1]} of {count} answers were not drained in two minutes")
            time.sleep(0.02)
        moving = [m for m in marks if m[1] < count]
        first, last = moving[0], moving[-1]
        if first[1] < count // 2:
            raise SystemExit("the backlog is too short to be timed")
        return first[1] / (last[0] - first[0])
    finally:
        server.stop()


def inserted(b, postgres, count, size):
    """Rows a second of one pgbench client, BATCH inserts a pipeline and transaction."""
    script = b.work / "bare.sql"
    script.write_text(SCRIPT.format(inserts=INSERT * BATCH))
    values = {"size": size, "body": os.urandom(size // 2).hex(), "outcome": OUTCOME,
              "signature": bin(int.from_bytes(os.urandom(size // 4), "big") | 1 << size * 2 - 1)[2:]}  # a quarter of it
    given = [x for name, value in values.items() for x in ("-D", f"{name}={value}")]
    said = subprocess.run(pinned(SERVER_CPU, ["pgbench", "-n", "-c", "1", "-M", "prepared", "-t", str(count // BATCH), "-f",
                                              str(script), *given, postgres.url]),
                          check=True, capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([0-9.]+)", said).group(1)) * BATCH


def drain(b):
    count, rows = 10000 if b.o.quick else 30000, []
    for size in (500, 2000):
        ratios, rates = [], []
        for nth in range(3):
            folder = b.work / f"drain-{size}-{nth}"
            folder.mkdir()
            redis, postgres = Engine("redis", folder / "redis"), Engine("postgres", folder / "postgres")
            try:
                subprocess.run([b.program("bench_backlog"), redis.url, postgres.url, str(count), str(size)], check=True)
                sql(postgres.url, BARE)
                bare = inserted(b, postgres, count, size)
                rate = drained(b, redis, postgres, count)
                ratios.append(rate / bare)
                rates.append((bare, rate))
            finally:
                redis.stop()
                postgres.stop()
        rows.append([f"{size:,}", f"{median([r[0] for r in rates]):,.0f}", f"{median([r[1] for r in rates]):,.0f}",
                     f"**{median(ratios):.2f}**"])
    print("### Finished answers into Postgres, beside pgbench's pipelined inserts (aim: at least 0.8 x)\n")
    table(["bytes of an answer", "pgbench inserts/s", "answers drained/s", "ratio"], rows)
