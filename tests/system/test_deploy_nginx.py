"""deploy/nginx: the real nginx reads it, and passes over a gateway that is gone."""

import os
import re
import signal
import socket
import subprocess

import pytest

from balanced import Gateway, ports, read_exactly, wait_for
from conftest import ROOT
from deployed import defaults

CONFIG = ROOT / "deploy/nginx/nginx.conf"


def placed(folder, **replace):
    """The configuration with its files in a folder."""
    text = CONFIG.read_text()
    if os.getuid() != 0:
        text = text.replace("user www-data;\n", "")
    for old, new in {"/var/log/nginx": folder, "/run/nginx.pid": folder / "nginx.pid", **replace}.items():
        assert old in text
        text = text.replace(old, str(new))
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"


def test_nginx_reads_it_without_a_warning(tmp_path):
    done = subprocess.run(["nginx", "-t", "-c", placed(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_the_longest_silence_passes():
    assert int(re.search(r"proxy_timeout (\d+)m;", CONFIG.read_text())[1]) * 60_000 > defaults("upstream.total_ms")


@pytest.fixture
def three():
    gateways = [Gateway(header=False) for _ in range(3)]
    yield gateways
    for gateway in gateways:
        gateway.stop()


@pytest.fixture
def port(tmp_path, three):
    port = int(ports(1)[0])
    files = {f"10.0.0.1{n}:8080": gateway.address for n, gateway in enumerate(three, 1)}
    few = {"worker_rlimit_nofile 524288": "worker_rlimit_nofile 2000", "worker_connections 250000": "worker_connections 500"}
    config = placed(tmp_path, **files, **few, **{"listen 8080": f"listen 127.0.0.1:{port}"})
    with open(tmp_path / "nginx.err", "wb") as err:
        argv = ["setpriv", "--pdeathsig", "TERM", "nginx", "-c", config, "-g", "daemon off;"]
        process = subprocess.Popen(argv, stderr=err, stdin=subprocess.DEVNULL)
    wait_for(lambda: process.poll() is not None or (tmp_path / "nginx.pid").exists())
    assert process.poll() is None, (tmp_path / "nginx.err").read_text()
    yield port
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def connect(port):
    sock = socket.create_connection(("127.0.0.1", port), timeout=20)
    sock.sendall(b"hello")
    assert read_exactly(sock, 5) == b"hello"  # and no header before it
    return sock


def test_it_spreads_and_passes_over_one_that_is_gone(port, three):
    sockets = [connect(port) for _ in range(6)]
    assert [len(g.clients) for g in three] == [2, 2, 2]
    three[0].stop()
    sockets += [connect(port) for _ in range(6)]
    assert len(three[1].clients) + len(three[2].clients) == 10
    for sock in sockets:
        sock.close()
