"""The servers of a chaos run, each a child of this process in a private folder, and the ways to break them.

    clients --> HAProxy --PROXY v2--> gateways --> Redis, one SQLite file, mock upstream

It refuses to restart anything by itself: who kills says when it comes back.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from network import Alone, Network, NotPermitted

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGINES = ROOT / "deploy/engines.sh"
HERE = "127.0.0.1"
SYNCHRONOUS = "synchronous_standby_names=*"
BALANCER = "127.0.0.2"  # HAProxy connects from here, and only from here the PROXY header is demanded


def until(what, seconds, words):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(words)
        time.sleep(0.01)
    return value


def get(port, path, timeout=10, host=HERE):
    """(status, body) of one request; (0, b"") when there is no answer."""
    try:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


class Server:
    """One child. Its output is kept; start() again takes up the same folder and port."""

    def __init__(self, stand, name, argv, env=None):
        self.stand, self.name, self.argv, self.env = stand, name, [str(a) for a in argv], env or {}
        self.log = stand.folder / f"{name}.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.env}, start_new_session=True)
        return self

    @property
    def lives(self):
        return self.process is not None and self.process.poll() is None

    def tell(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.lives:
            self.process.kill()
        self.process.wait()

    def freeze(self):
        self.tell(signal.SIGSTOP)

    def thaw(self):
        self.tell(signal.SIGCONT)

    def stop(self, number=signal.SIGTERM, seconds=15):
        """Seconds until it was gone; raises when it had to be killed."""
        if not self.lives:
            return 0.0
        began = time.monotonic()
        self.thaw()
        self.tell(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return time.monotonic() - began

    def count(self, event):
        return self.log.read_text(errors="replace").count(f'"{event}"')


class Gateway(Server):
    def __init__(self, stand, node, port, settings):
        self.node, self.port = node, port
        config = stand.folder / f"gateway-{node}.yaml"
        config.write_text(json.dumps(settings))  # JSON is YAML
        super().__init__(stand, f"gateway-{node}",
                         ["setpriv", "--pdeathsig", "KILL", "--", stand.binary, "serve", "--config", config])

    @property
    def ws(self):
        return f"ws://{HERE}:{self.port}/v1/ws"

    def metric(self, name):
        for line in get(self.port, "/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def ready(self):
        return get(self.port, "/readyz", 2)[0] == 200

    def until_ready(self, seconds=20):
        until(self.ready, seconds, f"{self.name} is not ready:\n{tail(self.log)}")


def tail(path, lines=15):
    """The last lines, but for those that each request leaves."""
    found = [x for x in pathlib.Path(path).read_text(errors="replace").splitlines() if '"http.request"' not in x]
    return "\n".join(found[-lines:])


class Stand:
    def __init__(self, build, binary=None, gateways=3, sentinels=0, drain_ms=8000, lease_ms=3000, network=False, alone=None,
                 postgres=False):
        """alone: "must" or "may" be in a network of its own, where packets can be swallowed."""
        self.network, self.alone = Network() if network else None, None
        try:
            self.alone = Alone() if alone else None
        except NotPermitted:
            if alone == "must":
                raise
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lastword-chaos-"))
        self.folder.chmod(0o711)
        self.binary = binary or build / "lastword"
        self.servers, self.lease_s = [], lease_ms / 1000
        names = [chr(ord("a") + i) for i in range(gateways)]
        ports = iter(subprocess.run([ENGINES, "ports", str(gateways + sentinels + 10)], capture_output=True, text=True,
                                    check=True).stdout.split())
        try:
            self.start_mock(build)
            self.start_redis(ports, sentinels)
            self.history = {"path": str(self.folder / "history.db")}
            if postgres:
                self.start_postgres(ports)
            self.gateways = [self.gateway(n, int(next(ports)), drain_ms, lease_ms) for n in names]
            for g in self.gateways:
                g.start()
            for g in self.gateways:
                g.until_ready()
            self.start_balancer(int(next(ports)), next(ports))
        except BaseException:
            self.close()
            raise

    def add(self, server):
        self.servers.append(server)
        return server

    def start_mock(self, build):
        self.mock = self.add(Server(self, "mock", ["setpriv", "--pdeathsig", "KILL", "--",
                                                   build / "upstream/mock/richierich", "--port", "0"])).start()
        found = until(lambda: re.search(r"listening on http://\S+:(\d+)", self.mock.log.read_text()), 10, "no mock")
        self.mock_port = int(found.group(1))

    def engine_ready(self, folder):
        subprocess.run([ENGINES, "ready", folder, "20"], check=True)

    def start_redis(self, ports, sentinels):
        folder, port = self.folder / "redis", next(ports)
        self.redis = self.add(Server(self, "redis", [ENGINES, "redis", folder, port])).start()
        self.engine_ready(folder)
        self.redis_url, self.replica, self.sentinels = (folder / "url").read_text().strip(), None, []
        if sentinels:
            self.start_sentinels(folder, ports, sentinels)

    def start_sentinels(self, primary, ports, count):
        folder = self.folder / "replica"
        self.replica = self.add(Server(self, "replica", [ENGINES, "replica", folder, next(ports), primary])).start()
        self.engine_ready(folder)
        for i in range(count):
            folder = self.folder / f"sentinel-{i}"
            self.sentinels.append(self.add(Server(self, f"sentinel-{i}", [ENGINES, "sentinel", folder, next(ports), primary,
                                                                          count // 2 + 1])).start())
            self.engine_ready(folder)
        urls = [(self.folder / f"sentinel-{i}/url").read_text().strip() for i in range(count)]
        if self.alone:
            self.alone.know([self.port_of(self.redis), self.port_of(self.replica)])
        hosts = ",".join(u.split("@")[1].split("/")[0] for u in urls)
        self.redis_url = f"{urls[0].split('@')[0]}@{hosts}/lastword"  # all have the primary's password

    def port_of(self, server):
        return (self.folder / server.name / "port").read_text().strip()

    def role(self, server):
        """What a Redis believes to be; "" when it says nothing."""
        folder = self.folder / server.name
        said = subprocess.run(["redis-cli", "-p", self.port_of(server), "role"], capture_output=True, text=True,
                              timeout=5, env={**os.environ, "REDISCLI_AUTH": (folder / "password").read_text()})
        return said.stdout.split("\n", 1)[0]

    def until_primary(self, server):
        until(lambda: self.role(server) == "master", 60, f"{server.name} does not become primary")

    def until_replica(self, server):
        until(lambda: self.role(server) == "slave", 60, f"{server.name} does not become replica")

    def start_postgres(self, ports):
        """Whichever is the primary, a commit waits for the other one, so that promoting it loses none."""
        ports = {name: next(ports) for name in ("primary", "standby")}
        self.primary = self.add(Server(self, "primary", [ENGINES, "postgres", self.folder / "primary", ports["primary"]])).start()
        self.postgres_ready(self.primary)
        self.standby = self.add(Server(self, "standby", self.standby_argv("standby", ports["standby"], self.primary))).start()
        self.postgres_ready(self.standby)
        self.primary.stop(signal.SIGINT)
        self.primary.argv += ["-c", SYNCHRONOUS]
        self.primary.start()
        self.postgres_ready(self.primary)
        user = f"postgresql://lastword:{(self.folder / 'primary/password').read_text()}"
        here, there = (f"{HERE}:{ports[name]}" for name in ("primary", "standby"))
        self.history = {"store": "postgres", "url": f"{user}@{here},{there}/lastword?target_session_attrs=read-write",
                        "read_url": f"{user}@{there},{here}/lastword?target_session_attrs=prefer-standby"}

    def standby_argv(self, name, port, primary):
        return [str(a) for a in (ENGINES, "standby", self.folder / name, port, self.folder / primary.name, "-c", SYNCHRONOUS)]

    def postgres_ready(self, server):
        subprocess.run([ENGINES, "ready", self.folder / server.name, "60"], check=True)

    def promote(self):
        """The primary is dead: the standby takes its place."""
        subprocess.run([ENGINES, "promote", self.folder / self.standby.name], check=True)
        self.primary, self.standby = self.standby, self.primary

    def follow(self):
        """What was the primary begins again as a copy of the one that took its place."""
        old = self.standby
        port = self.port_of(old)
        shutil.rmtree(self.folder / old.name / "data")
        old.argv = self.standby_argv(old.name, port, self.primary)
        old.start()
        self.postgres_ready(old)

    def gateway(self, node, port, drain_ms, lease_ms):
        settings = {
            "listen": {"host": HERE, "port": port, "node": node, "proxy": [f"{BALANCER}/32"]},
            "session": {"store": "redis", "url": self.redis_url, "lease_ms": lease_ms},
            "history": self.history,
            "drain": {"deadline_ms": drain_ms, "spread_ms": 1000},
            "heartbeat": {"ping_ms": 5000},
            "upstreams": [{"name": "mock", "url": f"http://{HERE}:{self.mock_port}/v1", "dialect": "openai",
                           "continue": "trailing_assistant"}],
        }
        return self.add(Gateway(self, node, port, settings))

    def start_balancer(self, port, stats):
        host = self.network.address if self.network else HERE
        env = {"LASTWORD_BIND": f"{host}:{port}", "LASTWORD_STATS": f"{HERE}:{stats}", "LASTWORD_MAXCONN": "8000",
               "LASTWORD_SOURCE": BALANCER}
        for i, g in enumerate(self.gateways, 1):
            env[f"LASTWORD_GATEWAY_{i}"] = f"{HERE}:{g.port}"
        self.haproxy = self.add(Server(self, "haproxy", [ENGINES, "haproxy", ROOT / "deploy/haproxy/haproxy.cfg"], env)).start()
        self.port, self.ws = port, f"ws://{host}:{port}/v1/ws"
        until(lambda: get(port, "/readyz", 2, host=host)[0] == 200, 20, "no balancer")

    def events(self, name):
        return sum(g.count(name) for g in self.gateways)

    def close(self):
        """Everything is gone afterwards, the folder too."""
        for server in reversed(self.servers):
            if server.process is not None:
                server.kill()
        if self.network:
            self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)
