"""Networks of our own, so that they can be bad: nothing here touches a rule or a link of the machine's.

    Network   a namespace for the clients, and a cable to it that loses packets and is pulled
    Alone     this process and all it starts in a namespace of their own, whose loopback can swallow a server's packets

Both need the right to make a network namespace, and iptables: NotPermitted where that is missing.
"""

import ctypes
import os
import socket
import subprocess

NEWNET = 0x40000000
MARK = "7"


class NotPermitted(Exception):
    """What this machine does not let us break."""


def enter(call, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*args):
        raise OSError(ctypes.get_errno(), call)


def command(*argv):
    subprocess.run(argv, check=True, capture_output=True, text=True)


class Network:
    """A network namespace for clients, and a cable to it that can be bad.

        clients in the namespace, THERE <--veth--> ADDRESS, where HAProxy listens
    """

    def __init__(self):
        tag = f"lwc{os.getpid()}"
        byte = os.getpid() % 250
        self.name, self.address, there = tag, f"10.213.{byte}.1", f"10.213.{byte}.2"
        self.here, self.there = f"{tag}h", f"{tag}t"
        try:
            self.ip("netns", "add", tag)
            self.ip("link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", tag)
            self.ip("addr", "add", f"{self.address}/24", "dev", self.here)
            self.ip("link", "set", self.here, "up")
            self.ip("-n", tag, "addr", "add", f"{there}/24", "dev", self.there)
            self.up(True)
            self.rules("-A", "INPUT", "-m", "statistic", "--mode", "random", "--probability", "0", "-j", "DROP")
        except (OSError, subprocess.CalledProcessError) as e:
            self.close()
            raise NotPermitted(f"no network namespace with iptables: {getattr(e, 'stderr', '') or e}") from e

    def ip(self, *argv):
        command("ip", *argv)

    def rules(self, *argv):
        command("ip", "netns", "exec", self.name, "iptables", *argv)

    def up(self, up):
        self.ip("-n", self.name, "link", "set", self.there, "up" if up else "down")

    def make_bad(self, loss, resets):
        chance = ["-m", "statistic", "--mode", "random", "--probability"]
        for chain in ("INPUT", "OUTPUT"):
            self.rules("-A", chain, *chance, str(loss), "-j", "DROP")
        self.rules("-A", "INPUT", "-p", "tcp", *chance, str(resets), "-j", "REJECT", "--reject-with", "tcp-reset")

    def make_good(self):
        self.rules("-F")

    def socket(self):
        """One of the namespace: this thread goes there for a moment."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            enter("setns", there.fileno(), NEWNET)
            try:
                return socket.socket()
            finally:
                enter("setns", home.fileno(), NEWNET)

    def close(self):
        subprocess.run(["ip", "link", "del", self.here], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


class Alone:
    """The thread that makes it leaves the machine's network for good, and with it the threads and processes it starts. It
    ends with the last of them, its rules too."""

    def __init__(self):
        try:
            enter("unshare", NEWNET)
            command("ip", "link", "set", "lo", "up")
            self.rules("-A", "OUTPUT", "-m", "owner", "--uid-owner", "redis", "-m", "connmark", "--mark", MARK, "-j", "ACCEPT")
            self.relieve()
        except (OSError, subprocess.CalledProcessError) as e:
            raise NotPermitted(f"no network namespace with iptables: {getattr(e, 'stderr', '') or e}") from e

    def rules(self, *argv):
        command("iptables", *argv)

    def know(self, ports):
        """Marks the connections that servers of the user `redis` (Sentinels, replicas) have to these ports, so that
        isolate() knows what comes back on them."""
        for port in ports:
            self.rules("-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "--dport", port, "-m", "owner", "--uid-owner", "redis",
                       "-j", "CONNMARK", "--set-mark", MARK)

    def swallow(self, port):
        """Packets to and from the server vanish. No connection is reset."""
        for end in ("--dport", "--sport"):
            self.rules("-A", "INPUT", "-p", "tcp", end, port, "-j", "DROP")

    def isolate(self, port):
        """The same for its fellows only: gateways still reach it."""
        self.rules("-A", "OUTPUT", "-p", "tcp", "--dport", port, "-m", "owner", "--uid-owner", "redis", "-j", "DROP")
        self.rules("-A", "OUTPUT", "-p", "tcp", "--sport", port, "-m", "connmark", "--mark", MARK, "-j", "DROP")

    def relieve(self):
        self.rules("-F")
