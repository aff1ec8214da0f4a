"""A gateway as a balancer sees one: a few lines that answer /readyz as they are told and echo everything else, after the
PROXY v2 header. For the tests of deploy/haproxy and deploy/nginx."""

import socket
import struct
import subprocess
import threading
import time

from conftest import ROOT

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def ports(count):
    return subprocess.run([ROOT / "deploy/engines.sh", "ports", str(count)], capture_output=True, text=True,
                          check=True).stdout.split()


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def read_header(sock):
    """('PROXY' or 'LOCAL', source address) of a PROXY v2 header."""
    head = read_exactly(sock, 16)
    assert head[:12] == SIGNATURE and head[12] >> 4 == 2
    body = read_exactly(sock, struct.unpack("!H", head[14:16])[0])
    if head[12] & 15 == 0:
        return "LOCAL", None
    return "PROXY", (socket.inet_ntoa(body[:4]), struct.unpack("!H", body[8:10])[0])


class Gateway:
    """mode: a status of /readyz, or `frozen` (takes connections, says nothing). header: it demands the header."""

    def __init__(self, header=True):
        self.header = header
        self.mode, self.clients, self.checks, self.peers, self.open = 200, [], 0, set(), []
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.getsockname()[1]

    def accept(self):
        while True:
            try:
                sock, peer = self.server.accept()
            except OSError:
                return
            self.peers.add(peer[0])
            self.open.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            command, source = read_header(sock) if self.header else ("NONE", sock.getpeername())
            if command == "LOCAL":
                self.check(sock)
            else:
                self.clients.append(source)
                while data := sock.recv(4096):
                    sock.sendall(data)
        except (ConnectionError, OSError):
            pass
        finally:
            sock.close()

    def check(self, sock):
        request = b""
        while b"\r\n\r\n" not in request:
            request += read_exactly(sock, 1)
        assert request.startswith(b"GET /readyz HTTP/1.1\r\n")
        self.checks += 1
        if self.mode == "frozen":
            while sock.recv(4096):
                pass
        else:
            sock.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\n{}" % self.mode)

    def stop(self):
        for sock in [self.server, *self.open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
