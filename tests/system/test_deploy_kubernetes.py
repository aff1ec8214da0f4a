"""deploy/kubernetes: every object has the shape of its kind, and what one names the others hold.

The kustomizations are put together here by the few rules they use; where there is a kubectl, it must come to the same.
"""

import copy
import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from conftest import ROOT, find_program
from deployed import metrics, settings
from kubernetes_schema import KINDS, KUSTOMIZATION

HERE = ROOT / "deploy/kubernetes"
FOLDERS = ["base", "example"]


def load(path):
    """The one document of a file; a key that stands twice is a mistake that YAML readers pass over."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{path}: a key stands twice in {keys}"
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return yaml.load(path.read_text(), Strict)


# ------------------------------------------------------------------ kustomize, as far as it is used


def merge(into, patch):
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            assert not isinstance(value, list), "lists are merged by rules that are not known here"
            into[key] = copy.deepcopy(value)


def key_of(thing):
    return thing["kind"], thing["metadata"]["name"]


def generate(folder, generators, things):
    for g in generators:
        data = {name: (folder / name).read_text() for name in g["files"]}
        key = ("ConfigMap", g["name"])
        if g.get("behavior") == "merge":
            things[key]["data"].update(data)
        else:
            assert key not in things
            things[key] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": g["name"]}, "data": data}


def name_images(things, images):
    for thing in things.values():
        if thing["kind"] == "Deployment":
            for container in thing["spec"]["template"]["spec"]["containers"]:
                for image in images:
                    if container["image"] == image["name"]:
                        container["image"] = f"{image['newName']}:{image['newTag']}"


def render(folder):
    """{(kind, name): object}"""
    k = load(folder / "kustomization.yaml")
    things = {}
    for name in k["resources"]:
        path = folder / name
        found = render(path) if path.is_dir() else {key_of(thing): thing for thing in [load(path)]}
        assert not things.keys() & found.keys()
        things.update(found)
    generate(folder, k.get("configMapGenerator", []), things)
    for patch in k.get("patches", []):
        thing = load(folder / patch["path"])
        merge(things[key_of(thing)], thing)
    name_images(things, k.get("images", []))
    for thing in things.values():
        if "namespace" in k and thing["kind"] != "Namespace":
            thing["metadata"]["namespace"] = k["namespace"]
    return things


@pytest.fixture(params=FOLDERS)
def rendered(request):
    return render(HERE / request.param)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here")
@pytest.mark.parametrize("folder", FOLDERS)
def test_kubectl_comes_to_the_same(folder):
    text = subprocess.run(["kubectl", "kustomize", HERE / folder], capture_output=True, text=True, check=True).stdout
    theirs = {}
    for thing in yaml.safe_load_all(re.sub(r"\b(lastword)-[a-z0-9]{10}\b", r"\1", text)):  # the hash of a ConfigMap
        theirs[key_of(thing)] = thing
    assert theirs == render(HERE / folder)


# ------------------------------------------------------------------ shapes


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_listed_and_every_listed_one_there(folder):
    k = load(HERE / folder / "kustomization.yaml")
    jsonschema.validate(k, KUSTOMIZATION)
    listed = [*k["resources"], *(p["path"] for p in k.get("patches", [])),
              *(f for g in k.get("configMapGenerator", []) for f in g["files"])]
    files = {path.name for path in (HERE / folder).iterdir()} - {"kustomization.yaml"}
    assert {name for name in listed if not name.startswith("../")} == files
    assert all((HERE / folder / name).exists() for name in listed) and len(listed) == len(set(listed))


def test_every_object_has_the_shape_of_its_kind(rendered):
    for (kind, _), thing in rendered.items():
        jsonschema.Draft7Validator(KINDS[kind]).validate(thing)


@pytest.mark.parametrize("kind,change", [
    ("Deployment", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(readinesProbe={})),
    ("Deployment", lambda d: d["spec"]["template"]["spec"]["containers"][0]["securityContext"].pop("capabilities")),
    ("Deployment", lambda d: d.update(apiVersion="extensions/v1beta1")),
    ("Service", lambda s: s["spec"]["ports"][0].update(targetPort="HTTP port")),
    ("HorizontalPodAutoscaler", lambda h: h["spec"].pop("maxReplicas")),
    ("NetworkPolicy", lambda n: n["spec"]["ingress"][0].update(form=[])),
])
def test_a_mistake_would_be_seen(kind, change):
    thing = render(HERE / "example")[kind, "lastword"]
    jsonschema.validate(thing, KINDS[kind])
    change(thing)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(thing, KINDS[kind])


# ------------------------------------------------------------------ what they name of each other


def pod(things):
    return things["Deployment", "lastword"]["spec"]["template"]


def container(things):
    return pod(things)["spec"]["containers"][0]


def test_selectors_find_the_pods(rendered):
    labels = pod(rendered)["metadata"]["labels"].items()
    spec = {kind: rendered[kind, "lastword"]["spec"] for kind in
            ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler")}
    selectors = [spec["Deployment"]["selector"]["matchLabels"], spec["Service"]["selector"],
                 spec["PodDisruptionBudget"]["selector"]["matchLabels"], spec["NetworkPolicy"]["podSelector"]["matchLabels"],
                 *(c["labelSelector"]["matchLabels"] for c in pod(rendered)["spec"]["topologySpreadConstraints"])]
    assert all(selector.items() <= labels for selector in selectors)
    target = spec["HorizontalPodAutoscaler"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in rendered
    assert target["apiVersion"] == rendered["Deployment", "lastword"]["apiVersion"]
    assert "replicas" not in spec["Deployment"]  # or each apply would undo the autoscaler
    assert pod(rendered)["spec"]["serviceAccountName"] == rendered["ServiceAccount", "lastword"]["metadata"]["name"]


def test_ports_go_by_names_that_are_there(rendered):
    names = {p["name"]: p["containerPort"] for p in container(rendered)["ports"]}
    used = [p["targetPort"] for p in rendered["Service", "lastword"]["spec"]["ports"]]
    used += [p["port"] for rule in rendered["NetworkPolicy", "lastword"]["spec"]["ingress"] for p in rule["ports"]]
    used += [container(rendered)[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "liveness", "readiness")]
    assert set(used) <= names.keys()
    assert configuration(rendered)["listen"]["port"] == names["http"]
    assert pod(rendered)["metadata"]["annotations"]["prometheus.io/port"] == str(names["http"])


def test_probes_ask_what_there_is(rendered, gateway):
    g = gateway()
    paths = {probe: container(rendered)[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    for path in {*paths.values(), pod(rendered)["metadata"]["annotations"]["prometheus.io/path"]}:
        assert g.get(path).status_code == 200


def test_volumes_are_there_and_mounted(rendered):
    volumes = {v["name"]: v for v in pod(rendered)["spec"]["volumes"]}
    assert [m["name"] for m in container(rendered)["volumeMounts"]] == list(volumes)
    assert ("ConfigMap", volumes["config"]["configMap"]["name"]) in rendered
    # The base leaves the secret to its overlays.
    assert volumes["secrets"]["secret"]["secretName"] == render(HERE / "example")["Secret", "lastword"]["metadata"]["name"]


def mounted(things):
    """Paths that files of the pod have, from ConfigMap and Secret."""
    mounts = {m["name"]: m["mountPath"] for m in container(things)["volumeMounts"]}
    secret = render(HERE / "example")["Secret", "lastword"]["stringData"]
    return {f"{mounts['config']}/{name}" for name in things["ConfigMap", "lastword"]["data"]} | {
        f"{mounts['secrets']}/{name}" for name in secret}


def test_files_that_are_named_are_mounted(rendered):
    for entry in container(rendered)["env"]:
        assert entry["name"] in settings(), entry
        if entry["name"].endswith("_FILE"):
            assert entry["value"] in mounted(rendered)
    arguments = container(rendered)["args"]
    assert arguments[arguments.index("--config") + 1] in mounted(rendered)
    for upstream in configuration(rendered)["upstreams"]:
        if "key_file" in upstream:
            assert upstream["key_file"] in mounted(rendered)


def configuration(things):
    return yaml.safe_load(things["ConfigMap", "lastword"]["data"]["lastword.yaml"])


def test_the_gateway_takes_the_configuration(rendered, tmp_path):
    text = things_here(rendered["ConfigMap", "lastword"]["data"]["lastword.yaml"], tmp_path)
    (tmp_path / "lastword.yaml").write_text(text)
    env = {k: v for k, v in os.environ.items() if not k.startswith("LASTWORD_")}
    for entry in container(rendered)["env"]:
        env[entry["name"]] = things_here(entry.get("value", "pod"), tmp_path)
    argv = [find_program("LASTWORD_BIN", "lastword"), "check-config", "--config", str(tmp_path / "lastword.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def things_here(text, folder):
    """The files of the pod, in a folder."""
    for name, value in render(HERE / "example")["Secret", "lastword"]["stringData"].items():
        (folder / name).write_text(value)
    (folder / "page").mkdir(exist_ok=True)
    return text.replace("/run/secrets/lastword", str(folder)).replace("/usr/share/lastword/page", str(folder / "page"))


# ------------------------------------------------------------------ numbers


def test_the_time_to_end_holds_all_that_has_to_end(rendered):
    drain = configuration(rendered)["drain"]
    before = container(rendered)["lifecycle"]["preStop"]["exec"]["command"]
    assert before[0] == "/bin/sleep"
    needed = int(before[1]) + (drain["deadline_ms"] + drain["spread_ms"]) / 1000 + 1
    assert pod(rendered)["spec"]["terminationGracePeriodSeconds"] >= needed + 10


def test_the_autoscaler_counts_what_the_gateway_says(rendered, gateway):
    g = gateway()
    shown = g.get("/metrics").text
    spec = rendered["HorizontalPodAutoscaler", "lastword"]["spec"]
    assert 2 <= spec["minReplicas"] <= spec["maxReplicas"]
    for metric in (m["pods"]["metric"] for m in spec["metrics"]):
        labels = metric.get("selector", {}).get("matchLabels", {})
        assert metrics()[metric["name"]] == "".join(labels)
        if labels:
            assert f'"{labels["state"]}"' in g.get("/health").text
        else:
            assert f"\n{metric['name']} " in shown


def test_it_is_let_out_to_what_it_needs(rendered):
    out = {p["port"] for rule in rendered["NetworkPolicy", "lastword"]["spec"]["egress"] for p in rule["ports"]}
    secret = render(HERE / "example")["Secret", "lastword"]["stringData"]
    for url in [*secret.values(), *(u["url"] for u in configuration(rendered)["upstreams"])]:
        default = {"postgresql": 5432, "redis": 6379, "sentinel": 26379, "https": 443}.get(url.split(":")[0])
        named = {int(p) for p in re.findall(r":(\d+)(?=[,/]|$)", url)}
        assert "://" not in url or (named or {default}) <= out, url
