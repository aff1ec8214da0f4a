"""deploy/prometheus and deploy/grafana: read by promtool, each alert played, and every name one that a gateway has."""

import json
import re
import subprocess

import pytest
import yaml
from conftest import ROOT

RULES = ROOT / "deploy/prometheus/rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/lastword.json"
NAME = re.compile(r"\b(?:lastword|gen_ai)_[a-z_]+")
AROUND = re.compile(r"by \([^)]*\)|\{[^}]*\}|\[[^]]*\]")
LABELS = re.compile(r"by \(([^)]*)\)|\{([a-z_]+)[=!~]")


def promtool(*arguments, **more):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, **more)


def expressions():
    for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.fixture
def scraped(gateway):
    """/metrics of a gateway that has had an answer that ended well, and one that did not."""
    g = gateway(upstream={"attempts": 1})
    for model, status in (("richierich", 200), ("richierich-s03", 502)):
        json = {"model": model, "messages": [{"role": "user", "content": "hello"}], "tokens": 9, "rate": 100}
        assert g.request("POST", "/v1/chat/completions", json=json).status_code == status
    return g.get("/metrics").text


def test_the_alerts_fire_when_they_should():
    done = promtool("test", "rules", str(ROOT / "deploy/prometheus/rules_test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_played():
    played = yaml.safe_load((ROOT / "deploy/prometheus/rules_test.yaml").read_text())["tests"]
    fired = {t["alertname"] for test in played for t in test["alert_rule_test"] if t["exp_alerts"]}
    silent = {t["alertname"] for test in played for t in test["alert_rule_test"] if not t["exp_alerts"]}
    assert fired == silent == {r["alert"] for r in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}


def test_promtool_reads_what_a_gateway_says(scraped):
    done = promtool("check", "metrics", input=scraped)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def test_every_name_is_one_that_a_gateway_has(scraped):
    shown = set(re.findall(r"^((?:lastword|gen_ai)_[a-z_]+)", scraped, re.M))
    table = re.findall(r'^X\([A-Z_]+, [A-Z_]+, "([a-z_]+)"', (ROOT / "gateway/base/metrics.def").read_text(), re.M)
    labels = set(re.findall(r'[{,]([a-z_]+)="', scraped)) | {"instance"}
    seen = 0
    for where, expr in expressions():
        for name in (names := NAME.findall(AROUND.sub("", expr))):
            assert name in shown, (where, name)
            assert re.sub("_(bucket|sum|count)$", "", name) in table or name in table, (where, name)
        assert names, (where, expr)
        seen += len(names)
        for some, one in LABELS.findall(expr):
            for label in filter(None, map(str.strip, (some or one).split(","))):
                assert label in labels, (where, label)
    assert seen > 25
