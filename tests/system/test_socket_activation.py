"""The port in systemd's hands: the gateway serves the socket it is handed, and who connects while it restarts waits."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
import requests

from conftest import find_program, tail

# What systemd does, in the order it does it: descriptor 3, then the variables with the pid of the program itself.
HAND_OVER = 'n=$1; shift; export LISTEN_FDS=$n LISTEN_PID=$$; exec "$@" 3<&"$SOCKET" {SOCKET}<&-'


class Activated:
    def __init__(self, folder, mock, sock, count=1, workers=1, **settings):
        self.config = folder / "activated.yaml"
        self.config.write_text(json.dumps({
            "listen": {"host": "127.0.0.2", "port": 9, "workers": workers},  # not used: the socket is somewhere else
            "history": {"path": str(folder / "activated.db")},
            "upstreams": [{"name": "mock", "url": mock.url + "/v1", "dialect": "openai"}],
            **settings,
        }))
        self.out, self.err = folder / "activated.out", folder / "activated.err"
        argv = [find_program("LASTWORD_BIN", "lastword"), "serve", "--config", str(self.config)]
        with open(self.out, "wb") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(["bash", "-c", HAND_OVER, "bash", str(count), *argv], stdout=out, stderr=err,
                                            env={**os.environ, "SOCKET": str(sock.fileno())}, pass_fds=[sock.fileno()])

    def until_listening(self):
        deadline = time.monotonic() + 20
        while not (found := re.search(r"listening on (\S+)\n", self.out.read_text())):
            assert self.process.poll() is None and time.monotonic() < deadline, tail(self.err)
            time.sleep(0.005)
        return found.group(1)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert "Sanitizer" not in self.err.read_text()
        return code


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as sock:
        yield sock


def test_it_serves_the_socket_it_is_given(listening, tmp_path, mock):
    gateway = Activated(tmp_path, mock, listening)
    url = gateway.until_listening()
    assert url == "http://127.0.0.1:%d" % listening.getsockname()[1]
    assert requests.get(url + "/livez", timeout=20).status_code == 200
    assert gateway.end() == 0


def test_who_connects_between_two_processes_waits(listening, tmp_path, mock):
    first = Activated(tmp_path, mock, listening)
    first.until_listening()
    assert first.end() == 0
    with socket.create_connection(listening.getsockname(), timeout=20) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        second = Activated(tmp_path, mock, listening)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert second.end() == 0


@pytest.fixture
def redis(tmp_path):
    path = tmp_path / "redis.sock"
    with open(tmp_path / "redis.log", "wb") as log:
        process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
                                   stdout=log, stderr=log)
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, tail(tmp_path / "redis.log")
        time.sleep(0.005)
    yield {"store": "redis", "url": f"unix://{path}"}
    process.terminate()
    process.wait(10)


def workers_of(gateway):
    return [int(pid) for pid in pathlib.Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()]


def serving_node(url):
    return requests.get(url + "/health", timeout=20, headers={"Connection": "close"}).json()["node"]


def test_workers_share_the_socket(listening, tmp_path, mock, redis):
    gateway = Activated(tmp_path, mock, listening, workers=2, session=redis)
    url = gateway.until_listening()
    assert url == "http://127.0.0.1:%d" % listening.getsockname()[1]
    deadline, seen = time.monotonic() + 20, set()
    while len(seen) < 2:  # both take from it
        assert time.monotonic() < deadline, seen
        seen.add(serving_node(url))
    dead = workers_of(gateway)[0]
    os.kill(dead, signal.SIGKILL)  # the other serves, and the next one is given the socket, too
    while len(alive := workers_of(gateway)) < 2 or dead in alive:
        assert time.monotonic() < deadline and serving_node(url)
    assert gateway.end() == 0
    with socket.create_connection(listening.getsockname(), timeout=20) as client:  # it is open still
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        second = Activated(tmp_path, mock, listening, workers=2, session=redis)
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert second.end() == 0


def test_workers_refuse_what_is_no_such_socket(tmp_path, mock, redis):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        gateway = Activated(tmp_path, mock, sock, workers=2, session=redis)
        assert gateway.process.wait(20) == 1
    assert "no listening stream socket" in gateway.err.read_text()


@pytest.mark.parametrize("count,words", [(2, "2 sockets were handed over"), (1, "no listening stream socket")])
def test_what_is_no_such_socket_is_refused(count, words, tmp_path, mock):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if count == 2 else socket.SOCK_DGRAM) as sock:
        gateway = Activated(tmp_path, mock, sock, count)
        assert gateway.process.wait(20) == 1
    assert words in gateway.err.read_text()


def test_a_socket_of_another_process_is_left_alone(gateway):
    g = gateway(env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert g.get("/livez").status_code == 200


def test_systemds_own_tool(tmp_path, mock):
    """systemd-socket-activate listens, and starts the program at the first connection."""
    config = tmp_path / "tool.yaml"
    config.write_text(json.dumps({
        "history": {"path": str(tmp_path / "tool.db")},
        "upstreams": [{"name": "mock", "url": mock.url + "/v1", "dialect": "openai"}],
    }))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "127.0.0.1:%d" % free.getsockname()[1]
    argv = ["systemd-socket-activate", "-l", address, *(f"-E{name}" for name in os.environ),
            find_program("LASTWORD_BIN", "lastword"), "serve", "--config", str(config)]
    with open(tmp_path / "tool.err", "wb") as err:
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=err)
    deadline = time.monotonic() + 20
    while "Listening on" not in (tmp_path / "tool.err").read_text():
        assert process.poll() is None and time.monotonic() < deadline, tail(tmp_path / "tool.err")
        time.sleep(0.005)
    try:
        assert requests.get(f"http://{address}/livez", timeout=20).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, tail(tmp_path / "tool.err")
