"""deploy/SIZING.md: its arithmetic is right, and the files beside it follow it."""

import ast
import operator
import re

import pytest
import yaml

from conftest import ROOT
from deployed import keys

TEXT = (ROOT / "deploy/SIZING.md").read_text()
EQUATIONS = re.findall(r"`([^`]+ = [\d,.]+)`", TEXT.replace("\n", " "))
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def value(node):
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](value(node.left), value(node.right))
    assert isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
    return node.value


def compute(text):
    return value(ast.parse(text.strip().replace(",", "").replace("×", "*").replace("÷", "/"), mode="eval").body)


def test_there_are_equations():
    assert len(EQUATIONS) > 40
    # Nothing looks like one and is not read.
    assert {e for e in re.findall(r"`([^`]*)`", TEXT) if "×" in e or "÷" in e} <= set(EQUATIONS)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_the_equation(equation):
    left, right = equation.rsplit(" = ", 1)
    digits = right.replace(",", "")
    unit = 10 ** -len(digits.partition(".")[2])
    # Rounded to what is shown; whole numbers of three places and more to their third.
    allowed = max(unit * 0.51, float(digits) * 0.005 if "." not in digits else 0)
    assert abs(compute(left) - float(digits)) <= allowed, compute(left)


def test_the_settings_it_names():
    named = set(re.findall(r"`((?:session|history|log_store|limits|listen|drain)\.[a-z_]+)\b", TEXT))
    assert named and named <= keys()


def test_the_autoscaler_follows_it():
    spec = yaml.safe_load((ROOT / "deploy/kubernetes/base/autoscaler.yaml").read_text())["spec"]
    target = {m["pods"]["metric"]["name"]: m["pods"]["target"]["averageValue"] for m in spec["metrics"]}
    streams = re.search(r"\*\*([\d,]+) streams a worker\*\*", TEXT)[1].replace(",", "")
    sessions = re.search(r"\*\*([\d,]+) sessions a worker\*\*", TEXT)[1].replace(",", "")
    assert target == {"lastword_generations": streams, "lastword_sessions": sessions}
    assert spec["maxReplicas"] >= 100_000 / int(streams)


def test_the_balancer_follows_it():
    text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    most = int(re.search(r"balancers \(`maxconn` ([\d,]+)\)", TEXT)[1].replace(",", ""))
    assert f"LASTWORD_MAXCONN-{most}" in text
    assert int(re.search(r"slowstart 10s maxconn (\d+)", text)[1]) < 65535 - 1024
