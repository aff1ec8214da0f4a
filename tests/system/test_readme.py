"""README.md says what is: its commands work, its table is the configuration's, its folders are there."""

import json
import os
import re
import subprocess

from conftest import ROOT, find_program

README = (ROOT / "README.md").read_text()


def settings():
    """(key, default, help) of each setting, from print-config."""
    binary = find_program("LASTWORD_BIN", "lastword")
    env = {k: v for k, v in os.environ.items() if not k.startswith("LASTWORD_")}
    text = subprocess.run([binary, "print-config"], capture_output=True, text=True, check=True, env=env).stdout
    section, help = None, None
    for line in text.splitlines():
        if re.fullmatch(r"[a-z_]+:", line):
            section = line[:-1]
        elif section and line.startswith("  # "):
            help = line[4:]
        elif section and (found := re.fullmatch(r"  ([a-z_0-9]+): (.*)", line)):
            yield f"{section}.{found[1]}", found[2], help
        elif not line.strip() or line.startswith("#"):
            section = None


def table():
    rows = [f"| `{key}` | `{default}` | {help.replace('|', chr(92) + '|')} |" for key, default, help in settings()]
    return "\n".join(["| setting | default | |", "|---|---|---|", *rows])


def test_the_table_of_settings():
    assert table() in README, "README.md should hold this table:\n" + table()


def test_the_curl_commands(gateway):
    g = gateway()
    block = next(b for b in re.findall(r"```sh\n(.*?)```", README, re.S) if "curl" in b)
    commands = re.findall(r"^curl .*?(?:[^\\]$)", block, re.S | re.M)
    assert len(commands) == 5
    outputs = []
    for command in commands:
        command = command.replace("http://127.0.0.1:8080", g.url)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, command
        outputs.append(done.stdout)
    whole, stream, events, shown, listed = outputs
    assert json.loads(whole)["choices"][0]["message"]["content"] == "hello world"
    assert stream.endswith("data: [DONE]\n\n") and '"content":"hello"' in stream
    assert "event: rewind" not in events and '"content":"hello"' not in events and events.endswith("data: [DONE]\n\n")
    assert json.loads(shown)["text"] == "hello world"
    assert len(json.loads(listed)["data"]) == 2


def test_the_response_by_hand(gateway):
    command = next(b for b in re.findall(r"```sh\n(.*?)```", README, re.S) if "/v1/responses" in b)
    argv = ["bash", "-c", command.replace("http://127.0.0.1:8080", gateway().url)]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
    assert said.startswith("event: response.created\n") and '"delta":"hello"' in said
    assert said.rstrip().split("\n")[-2] == "event: response.completed"


def test_the_configuration_is_accepted(tmp_path):
    yaml = re.search(r"```yaml\n(.*?)```", README, re.S)[1]
    for name in ("cloud", "alice"):
        (tmp_path / name).write_text("0123456789abcdef-secret")
        yaml = yaml.replace(f"/run/secrets/{name}", str(tmp_path / name))
    (tmp_path / "c.yaml").write_text(yaml)
    env = {k: v for k, v in os.environ.items() if not k.startswith("LASTWORD_")}
    argv = [find_program("LASTWORD_BIN", "lastword"), "check-config", "--config", str(tmp_path / "c.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_the_links():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
