"""Who may come in: without a credential, with a key, with a token, with a ticket; and what is told to whom may not."""

import json
import os
import socket
import subprocess

from conftest import find_program
from test_program import UPSTREAM, lastword


# -------------------------------------------------------------------- mode none


def test_open_to_this_machine_alone(tmp_path):
    def config(host, **auth):
        return {"listen": {"host": host, "port": 0}, "auth": auth, "upstreams": [UPSTREAM],
                "history": {"path": str(tmp_path / "x.db")}}

    for command in ("check-config", "serve"):
        done = lastword(command, config=config("0.0.0.0"), tmp_path=tmp_path)
        assert done.returncode == 1 and not done.stdout, command
        assert "listen.host" in done.stderr and "0.0.0.0" in done.stderr and "auth.open" in done.stderr
    for host, auth in (("0.0.0.0", {"open": True}), ("127.0.0.1", {}), ("localhost", {}), ("::1", {})):
        done = lastword("check-config", config=config(host, **auth), tmp_path=tmp_path)
        assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_open_where_it_was_told_so(gateway):
    g = gateway(listen={"host": "0.0.0.0"}, auth={"open": True})
    with socket.create_connection(("127.0.0.1", g.port), 5):
        pass
    assert g.get("/v1/models").status_code == 200


def test_a_socket_of_systemd_is_looked_at_too(tmp_path):
    config = {"upstreams": [UPSTREAM], "history": {"path": str(tmp_path / "x.db")}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    with socket.create_server(("0.0.0.0", 0)) as sock:
        script = 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&"$SOCKET" {SOCKET}<&-'
        argv = [find_program("LASTWORD_BIN", "lastword"), "serve", "--config", str(tmp_path / "config.yaml")]
        done = subprocess.run(["bash", "-c", script, "bash", *argv], env={**os.environ, "SOCKET": str(sock.fileno())},
                              pass_fds=[sock.fileno()], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and not done.stdout
    assert "other machines can reach 0.0.0.0:" in done.stderr and "auth.open" in done.stderr
