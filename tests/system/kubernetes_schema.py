"""The shapes of the Kubernetes objects in deploy/kubernetes, as far as they are used there. A field that is not named here is
refused, so that a misspelt one is found: the API server would drop it without a word."""

TEXT = {"type": "string", "minLength": 1}
INT = {"type": "integer", "minimum": 0}
BOOL = {"type": "boolean"}
NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 63}
PORT = {"anyOf": [NAME, {"type": "integer", "minimum": 1, "maximum": 65535}]}
QUANTITY = {"type": "string", "pattern": r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"}
LABELS = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^([A-Za-z0-9][\w.-]*)?$"}}
ANNOTATIONS = {"type": "object", "additionalProperties": {"type": "string"}}


def obj(required=(), **properties):
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def some(items):
    return {"type": "array", "items": items, "minItems": 1}


def one_of(*values):
    return {"enum": list(values)}


def is_kind(api, kind, spec=None, **more):
    properties = {"apiVersion": one_of(api), "kind": one_of(kind), "metadata": METADATA, **more}
    required = ["apiVersion", "kind", "metadata"]
    if spec:
        properties["spec"] = spec
        required.append("spec")
    return obj(required, **properties)


METADATA = obj(["name"], name=NAME, namespace=NAME, labels=LABELS, annotations=ANNOTATIONS)
SELECTOR = obj(["matchLabels"], matchLabels={**LABELS, "minProperties": 1})

PROBE = obj(["httpGet"], httpGet=obj(["path", "port"], path={"type": "string", "pattern": "^/"}, port=PORT, scheme=TEXT),
            initialDelaySeconds=INT, periodSeconds=INT, timeoutSeconds=INT, failureThreshold=INT, successThreshold=INT)
HANDLER = obj(["exec"], exec=obj(["command"], command=some(TEXT)))
ENV = {"oneOf": [
    obj(["name", "value"], name=TEXT, value={"type": "string"}),
    obj(["name", "valueFrom"], name=TEXT, valueFrom=obj(["fieldRef"], fieldRef=obj(["fieldPath"], fieldPath=TEXT))),
]}
RESOURCES = obj(["requests", "limits"], requests=obj(["cpu", "memory"], cpu=QUANTITY, memory=QUANTITY),
                limits=obj(["memory"], cpu=QUANTITY, memory=QUANTITY))
# The `restricted` level of Pod Security: what it asks for is required here.
CONTAINER_SECURITY = obj(
    ["allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"], allowPrivilegeEscalation=one_of(False),
    readOnlyRootFilesystem=one_of(True), capabilities=obj(["drop"], drop=one_of(["ALL"])))
POD_SECURITY = obj(
    ["runAsNonRoot", "runAsUser", "seccompProfile"], runAsNonRoot=one_of(True), runAsUser={"type": "integer", "minimum": 1},
    runAsGroup={"type": "integer", "minimum": 1}, fsGroup=INT, seccompProfile=obj(["type"], type=one_of("RuntimeDefault")))
CONTAINER = obj(
    ["name", "image", "ports", "startupProbe", "livenessProbe", "readinessProbe", "resources", "securityContext"],
    name=NAME, image=TEXT, imagePullPolicy=TEXT, args=some(TEXT), command=some(TEXT), env=some(ENV),
    ports=some(obj(["name", "containerPort"], name=NAME, containerPort=PORT, protocol=one_of("TCP", "UDP"))),
    startupProbe=PROBE, livenessProbe=PROBE, readinessProbe=PROBE, lifecycle=obj(preStop=HANDLER),
    resources=RESOURCES, securityContext=CONTAINER_SECURITY,
    volumeMounts=some(obj(["name", "mountPath"], name=NAME, mountPath=TEXT, readOnly=BOOL)))
VOLUME = {"oneOf": [
    obj(["name", "configMap"], name=NAME, configMap=obj(["name"], name=NAME)),
    obj(["name", "secret"], name=NAME, secret=obj(["secretName"], secretName=NAME, defaultMode=INT)),
    obj(["name", "emptyDir"], name=NAME, emptyDir=obj(medium=TEXT, sizeLimit=QUANTITY)),
]}
SPREAD = obj(["maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"], maxSkew={"type": "integer", "minimum": 1},
             topologyKey=TEXT, whenUnsatisfiable=one_of("ScheduleAnyway", "DoNotSchedule"), labelSelector=SELECTOR)
POD = obj(
    ["containers", "securityContext", "terminationGracePeriodSeconds"], serviceAccountName=NAME,
    automountServiceAccountToken=BOOL, enableServiceLinks=BOOL, terminationGracePeriodSeconds=INT,
    securityContext=POD_SECURITY, topologySpreadConstraints=some(SPREAD), containers=some(CONTAINER), volumes=some(VOLUME))
ROLLING = obj(["type", "rollingUpdate"], type=one_of("RollingUpdate"),
              rollingUpdate=obj(["maxSurge", "maxUnavailable"], maxSurge=INT, maxUnavailable=INT))
DEPLOYMENT = obj(
    ["selector", "template"], replicas=INT, revisionHistoryLimit=INT, minReadySeconds=INT, strategy=ROLLING, selector=SELECTOR,
    template=obj(["metadata", "spec"], metadata=obj(["labels"], labels=LABELS, annotations=ANNOTATIONS), spec=POD))
SERVICE = obj(
    ["selector", "ports"], type=one_of("ClusterIP", "LoadBalancer", "NodePort"), selector={**LABELS, "minProperties": 1},
    externalTrafficPolicy=one_of("Local", "Cluster"),
    ports=some(obj(["name", "port", "targetPort"], name=NAME, port=PORT, targetPort=PORT, protocol=one_of("TCP", "UDP"))))
BUDGET = obj(["selector", "maxUnavailable"], selector=SELECTOR, maxUnavailable=INT)
METRIC = obj(["type", "pods"], type=one_of("Pods"), pods=obj(
    ["metric", "target"], metric=obj(["name"], name=TEXT, selector=SELECTOR),
    target=obj(["type", "averageValue"], type=one_of("AverageValue"), averageValue=QUANTITY)))
SCALING = obj(["policies"], stabilizationWindowSeconds=INT, selectPolicy=one_of("Max", "Min", "Disabled"),
              policies=some(obj(["type", "value", "periodSeconds"], type=one_of("Pods", "Percent"), value=INT,
                                periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800})))
AUTOSCALER = obj(
    ["scaleTargetRef", "minReplicas", "maxReplicas", "metrics"],
    scaleTargetRef=obj(["apiVersion", "kind", "name"], apiVersion=TEXT, kind=TEXT, name=NAME), minReplicas=INT, maxReplicas=INT,
    metrics=some(METRIC), behavior=obj(scaleUp=SCALING, scaleDown=SCALING))
PEER = obj(namespaceSelector=obj(matchLabels=LABELS), podSelector=obj(matchLabels=LABELS))
POLICY_PORTS = some(obj(["port"], port=PORT, protocol=one_of("TCP", "UDP")))
NETWORK = obj(
    ["podSelector", "policyTypes"], podSelector=SELECTOR, policyTypes=some(one_of("Ingress", "Egress")),
    ingress=some(obj(**{"from": some(PEER), "ports": POLICY_PORTS})), egress=some(obj(to=some(PEER), ports=POLICY_PORTS)))

KINDS = {
    "Namespace": is_kind("v1", "Namespace"),
    "ServiceAccount": is_kind("v1", "ServiceAccount", automountServiceAccountToken=BOOL),
    "ConfigMap": is_kind("v1", "ConfigMap", data={"type": "object", "additionalProperties": TEXT}),
    "Secret": is_kind("v1", "Secret", type=TEXT, stringData={"type": "object", "additionalProperties": TEXT}),
    "Service": is_kind("v1", "Service", SERVICE),
    "Deployment": is_kind("apps/v1", "Deployment", DEPLOYMENT),
    "PodDisruptionBudget": is_kind("policy/v1", "PodDisruptionBudget", BUDGET),
    "HorizontalPodAutoscaler": is_kind("autoscaling/v2", "HorizontalPodAutoscaler", AUTOSCALER),
    "NetworkPolicy": is_kind("networking.k8s.io/v1", "NetworkPolicy", NETWORK),
}
KUSTOMIZATION = obj(
    ["apiVersion", "kind", "resources"], apiVersion=one_of("kustomize.config.k8s.io/v1beta1"), kind=one_of("Kustomization"),
    namespace=NAME, resources=some(TEXT), patches=some(obj(["path"], path=TEXT)),
    configMapGenerator=some(obj(["name", "files"], name=NAME, behavior=one_of("create", "merge", "replace"), files=some(TEXT))),
    images=some(obj(["name"], name=TEXT, newName=TEXT, newTag={"type": "string", "minLength": 1})))
