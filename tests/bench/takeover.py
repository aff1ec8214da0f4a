"""A gateway dies with a thousand answers: how long until each goes on elsewhere; and how fast clients resume.

    bench_moved ──> gateway a ──┐          kill -9 a: all clients come to b at once
                └─> gateway b ──┼──> Redis then all drop b and come back to it (it has the answers), or go to c (which
                └─> gateway c ──┘          reads them from Redis). kill -9 b, and nobody comes

Gateways share the first processor, Redis, Postgres, the mock and the client the second. It refuses to smooth
anything: one kill, its worst stream is told.
"""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from cluster import Engine
from harness import CLIENT_CPU, SERVER_CPU, Server, free_port, pinned, table

OWNERS, LEASE_MS = 250, 3000
MODEL = {"model": "richierich", "rate": 10, "tokens": 4000}


class Moved:
    def __init__(self, program, port, clients):
        self.process = subprocess.Popen(
            pinned(CLIENT_CPU, [program, str(port), str(clients), str(OWNERS), "bench"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.heard()

    def heard(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench_moved ended early")
        return json.loads(line)

    def say(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def asked(self, words):
        self.say(words)
        return self.heard()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


class Stand:
    def __init__(self, program, work):
        self.program, self.servers = program, []
        self.folder = Path(tempfile.mkdtemp(prefix="takeover-", dir=work))
        self.redis, self.postgres = (
            self.add(Engine(kind, self.folder / kind)) for kind in ("redis", "postgres"))
        port = free_port()
        self.mock = self.add(Server("mock", [program("richierich"), "--port", str(port)], port, CLIENT_CPU,
                                    self.folder / "mock.log"))
        self.gateways = [self.gateway(name) for name in "abc"]

    def add(self, server):
        self.servers.append(server)
        return server

    def gateway(self, node):
        port = free_port()
        body = {k: v for k, v in MODEL.items() if k != "model"}
        settings = {
            "listen": {"port": port, "node": node}, "log": {"level": "info"},
            "session": {"store": "redis", "url": self.redis.url, "lease_ms": LEASE_MS},
            "history": {"store": "postgres", "url": self.postgres.url},
            "auth": {"mode": "keys"},
            "keys": [{"name": f"user-{i}", "owner": f"bench/user-{i}", "key": f"bench-{i}"} for i in range(OWNERS)],
            "upstreams": [{"name": "mock", "url": f"http://127.0.0.1:{self.mock.port}/v1", "dialect": "openai",
                           "models": [MODEL["model"]], "continue": "trailing_assistant"}],
            "routes": [{"model": "bench", "to": [{"upstream": "mock", "model": MODEL["model"], "body": json.dumps(body)}]}],
        }
        path = self.folder / f"gateway-{node}.yaml"
        path.write_text(json.dumps(settings))  # JSON is YAML
        return self.add(Server(node, [self.program("lastword"), "serve", "--config", str(path)], port, SERVER_CPU,
                               self.folder / f"gateway-{node}.log"))

    def stop(self):
        for server in reversed(self.servers):
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def taken_over(gateway):
    text = urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/metrics", timeout=10).read().decode()
    return sum(float(l.rsplit(" ", 1)[1]) for l in text.splitlines() if l.startswith("lastword_takeovers_total{"))


def nobody_comes(b, c):
    """Milliseconds from the death of b until the last of its answers goes on at c; how many those were."""
    had, before = taken_over(b), taken_over(c)
    began = time.monotonic()
    b.process.kill()
    while taken_over(c) < before + had:
        if time.monotonic() - began > 30:
            raise SystemExit("answers that nobody awaits are not taken over")
        time.sleep(0.02)
    return had, (time.monotonic() - began) * 1000


def spread(times):
    return " / ".join(f"{times[q]:.0f}" for q in ("p50", "p99", "max"))


def takeover(program, work):
    """program: name -> path."""
    streams, times = 1000, 5
    stand = Stand(program, work)
    a, b, c = stand.gateways
    try:
        clients = Moved(program("bench_moved"), a.port, streams)
        clients.asked("go")
        a.process.kill()
        died = clients.asked(f"killed {b.port}")
        resumes = []
        for name, command, count in (("new connections, where the answers are", f"move {b.port}", streams),
                                     ("the same connections", f"again {times}", times * streams),
                                     ("new connections, at another gateway", f"move {c.port}", streams)):
            server = c if command.endswith(str(c.port)) else b
            cpu = server.cpu_us()
            r = clients.asked(command)
            cpu = server.cpu_us() - cpu
            resumes.append([name, count, r["missing"], f"{r['resumed_ms']['max']:.0f}",
                            f"{count / r['resumed_ms']['max'] * 1000:.0f}", f"{cpu / count:.0f}"])
        clients.stop()
        alone, alone_ms = nobody_comes(b, c)
    finally:
        stand.stop()
    print(f"### A gateway killed with {streams:,} answers running (aim: p99 at most the lease, {LEASE_MS} ms, and 1 s)\n")
    table(["", "p50 / p99 / max ms", "never"],
          [["kill until the resume is answered elsewhere", spread(died["resumed_ms"]), ""],
           ["kill until the answer goes on", f"**{spread(died['next_ms'])}**", died["missing"]],
           [f"kill until the last of {alone:.0f} goes on, nobody connected", f"{alone_ms:.0f}", 0]])
    print("### Resumes after all clients were cut off at once, one worker (aim: 5,000/s)\n")
    table(["", "resumes", "never", "ms for all", "per second", "CPU µs each"], resumes)
