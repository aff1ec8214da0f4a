"""deploy/haproxy: the real HAProxy reads it, and does with gateways what its comments say it does."""

import csv
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest
import requests

from balanced import Gateway, ports, read_exactly, wait_for
from conftest import ROOT
from deployed import defaults

HERE = ROOT / "deploy/haproxy"


class Balancer:
    def __init__(self, folder, gateways, argv=(), **env):
        self.port, self.stats = ports(2)
        self.env = {**os.environ, "LASTWORD_BIND": f"127.0.0.1:{self.port}",
                    "LASTWORD_STATS": f"127.0.0.1:{self.stats}", "LASTWORD_MAXCONN": "1000", **env}
        for number, gateway in enumerate(gateways, 1):
            self.env[f"LASTWORD_GATEWAY_{number}"] = gateway.address
        self.log = folder / "haproxy.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*(argv or [ROOT / "deploy/engines.sh", "haproxy"]), HERE / "haproxy.cfg"],
                                            env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(self.is_up)

    def is_up(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.states()
        except requests.ConnectionError:
            return None

    def table(self):
        text = requests.get(f"http://127.0.0.1:{self.stats}/;csv", timeout=5).text.removeprefix("# ")
        return {row["svname"]: row for row in csv.DictReader(text.splitlines()) if row["pxname"] == "gateways"}

    def states(self):
        return [self.table()[f"gateway-{n}"]["status"] for n in (1, 2, 3)]

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", int(self.port)), timeout=20)
        sock.sendall(b"hello")
        assert read_exactly(sock, 5) == b"hello"
        return sock

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def three():
    gateways = [Gateway() for _ in range(3)]
    yield gateways
    for gateway in gateways:
        gateway.stop()


@pytest.fixture
def balance(tmp_path):
    made = []

    def make(gateways, **more):
        made.append(Balancer(tmp_path, gateways, **more))
        return made[-1]

    yield make
    for balancer in made:
        if balancer.process.poll() is None:
            balancer.end()


@pytest.mark.parametrize("files", [["haproxy.cfg"], ["haproxy.cfg", "machine.cfg"]])
def test_haproxy_reads_it_without_a_warning(files):
    argv = ["haproxy", "-c", *(part for name in files for part in ("-f", HERE / name))]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr


def test_debians_service_reads_all_of_it():
    values = dict(re.findall(r'^([A-Z_0-9]+)="?(.*?)"?$', (HERE / "default").read_text(), re.M))
    names = set(re.findall(r'"\$\{(LASTWORD_\w+)', (HERE / "haproxy.cfg").read_text()))
    assert names >= {n for n in values if n.startswith("LASTWORD_")} >= {f"LASTWORD_GATEWAY_{n}" for n in (1, 2, 3)}
    options = values.pop("EXTRAOPTS").replace("/etc/haproxy", str(HERE)).split()
    argv = ["haproxy", "-c", "-Ws", "-f", HERE / "haproxy.cfg", *options]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **values})
    assert done.returncode == 0, done.stderr


def test_the_times_fit_the_gateways():
    """The longest silence that is in order, and the most connections, are settings of the gateway."""
    text = (HERE / "haproxy.cfg").read_text()
    assert int(re.search(r"timeout tunnel (\d+)m", text)[1]) * 60_000 > defaults("upstream.total_ms")
    silence = defaults("heartbeat.ping_ms") + defaults("heartbeat.grace_ms")
    assert int(re.search(r"timeout client (\d+)m", text)[1]) * 60_000 > silence
    servers = re.search(r"default-server slowstart .* maxconn (\d+)", text)
    assert int(servers[1]) < defaults("limits.connections")


def test_the_gateway_is_told_who_comes_and_checks_are_nobody(three, balance):
    balancer = balance(three)
    sockets = [balancer.connect() for _ in range(9)]
    seen = [client for gateway in three for client in gateway.clients]
    assert sorted(seen) == sorted(s.getsockname() for s in sockets)
    assert [len(g.clients) for g in three] == [3, 3, 3]
    wait_for(lambda: all(g.checks >= 2 for g in three))
    assert requests.get(f"http://127.0.0.1:{balancer.stats}/metrics", timeout=5).text.startswith("# HELP haproxy_")
    for sock in sockets:
        sock.close()


def test_tls_ends_at_it(three, balance, tmp_path):
    pem = tmp_path / "lastword.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    subprocess.run([*argv, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    pem.write_text((tmp_path / "cert").read_text() + (tmp_path / "key").read_text())
    port = ports(1)[0]
    balance(three, LASTWORD_TLS_BIND=f"127.0.0.1:{port}", LASTWORD_TLS_FILE=str(pem))
    context = ssl.create_default_context(cafile=str(tmp_path / "cert"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(b"hello")
            assert read_exactly(sock, 5) == b"hello" and sock.selected_alpn_protocol() == "http/1.1"


def test_it_comes_from_the_address_it_is_told(three, balance):
    balancer = balance(three, LASTWORD_SOURCE="127.0.0.2")
    balancer.connect().close()
    wait_for(lambda: all(g.checks for g in three))
    assert {peer for gateway in three for peer in gateway.peers} == {"127.0.0.2"}


def test_one_that_leaves_keeps_its_connections_and_gets_no_new_ones(three, balance):
    balancer = balance(three)
    old = [balancer.connect() for _ in range(3)]
    three[0].mode = 503
    wait_for(lambda: balancer.states()[0].startswith("NOLB"))
    new = [balancer.connect() for _ in range(6)]
    assert len(three[0].clients) == 1
    for sock in old + new:
        sock.sendall(b"still")
        assert read_exactly(sock, 5) == b"still"
    three[0].mode = 200
    wait_for(lambda: balancer.states()[0].startswith("UP"))
    for sock in old + new:
        sock.close()


def test_one_that_is_frozen_loses_its_connections_to_the_others(three, balance):
    balancer = balance(three)
    old = [balancer.connect() for _ in range(3)]
    wait_for(lambda: three[1].checks >= 4)  # a server that was just started goes down at the first fault
    three[1].mode = "frozen"
    victim = next(s for s in old if s.getsockname() in three[1].clients)
    began = time.monotonic()
    assert victim.recv(1) == b""
    assert 4 < time.monotonic() - began < 15
    assert balancer.states()[1].startswith("DOWN")
    again = balancer.connect()
    assert again.getsockname() in three[0].clients + three[2].clients
    for sock in old + [again]:
        sock.close()


def test_one_that_is_gone_is_passed_over_at_once(three, balance):
    balancer = balance(three)
    three[2].stop()
    sockets = [balancer.connect() for _ in range(6)]
    assert len(three[0].clients) + len(three[1].clients) == 6
    for sock in sockets:
        sock.close()


def test_a_reload_refuses_nobody_and_cuts_nobody(three, balance, tmp_path):
    """-Ws, as Debian's service runs it; SIGUSR2 is `systemctl reload`; the socket as in machine.cfg."""
    line = re.search(r"stats socket /run/haproxy/admin.sock (.*)", (HERE / "machine.cfg").read_text())[1]
    (tmp_path / "machine.cfg").write_text(f"global\n stats socket {tmp_path}/admin.sock {line}\n")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(20)
    argv = ["setpriv", "--pdeathsig", "TERM", "haproxy", "-Ws", "-f", tmp_path / "machine.cfg", "-f"]
    balancer = balance(three, argv=argv, NOTIFY_SOCKET=str(tmp_path / "notify"))
    old = balancer.connect()
    workers = pathlib.Path(f"/proc/{balancer.process.pid}/task/{balancer.process.pid}/children")
    while b"READY=1" not in notify.recv(1024):  # before that a reload is lost
        pass
    first = workers.read_text().split()
    balancer.process.send_signal(signal.SIGUSR2)
    count = 0
    while set(workers.read_text().split()) <= set(first) or count < 50:
        balancer.connect().close()
        count += 1
    old.sendall(b"still")
    assert read_exactly(old, 5) == b"still"
    old.close()
    wait_for(lambda: not set(first) & set(workers.read_text().split()))
    assert sum(len(g.clients) for g in three) == count + 1
