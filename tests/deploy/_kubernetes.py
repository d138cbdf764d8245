"""What has to hold of deploy/kubernetes, overlay by overlay, and of the values for NATS."""
from __future__ import annotations

import re

import _tls
import _tools
from _code import REPO, Code, connections_max

MOUNTED = "/run/secrets/tradeup/"
ACCOUNT = "TRADEUP"
# Kinds that hold pods.
PODS = ("Deployment", "Job", "StatefulSet")


class Overlay:
    """An overlay as it is rendered."""

    def __init__(self, documents: list[dict]):
        self.documents = documents

    def kind(self, *kinds: str) -> list[dict]:
        """The objects of these kinds."""
        return [one for one in self.documents if one["kind"] in kinds]

    def named(self, kind: str) -> dict[str, dict]:
        """The objects of a kind by their names."""
        return {one["metadata"]["name"]: one for one in self.kind(kind)}

    def settings(self) -> dict[str, str]:
        """The ConfigMap that every service reads."""
        maps = [one for name, one in self.named("ConfigMap").items() if name.startswith("tradeup-")]
        return maps[0]["data"] if len(maps) == 1 else {}


def check(overlay: Overlay, code: Code, secrets: dict[str, dict[str, str]], with_keda: bool) -> list[str]:
    """Everything, as a list of what is wrong. `secrets`: what make-secrets prints, by the names of the Secrets."""
    wrong = []
    for one in overlay.documents:
        name = f"{one['kind']} {one['metadata']['name']}"
        wrong += [f"{name}: schema: {error}" for error in _tools.kubernetes_schema(one)]
        if one["kind"] != "Namespace" and one["metadata"].get("namespace") != "tradeup":
            wrong.append(f"{name} is not in the namespace tradeup")
        if one["kind"] == "Secret":
            wrong.append(f"{name} holds a secret; it is to be referred to")
    for one in overlay.kind(*PODS):
        name = one["metadata"]["name"]
        wrong += [f"{name}: {what}" for what in _of_pod(one, overlay, code, secrets)]
        if one["kind"] == "Deployment":
            wrong += [f"{name}: {what}" for what in _of_deployment(one, overlay, code)]
    needed = {"scheduler", "credits", "webhooks", "console"} | ({"agents"} if with_keda else set())
    wrong += [f"Deployment {name} is missing" for name in needed - set(overlay.named("Deployment"))]
    wrong += _of_settings(overlay, code) + _of_network(overlay, code) + _of_services(overlay, code)
    wrong += _of_scaling(overlay, code) if with_keda else []
    wrong += _tls.kubernetes(overlay, secrets)
    return wrong + _of_connections(overlay, code) + _of_namespace(overlay)


def _of_settings(overlay, code) -> list[str]:
    settings = overlay.settings()
    wrong = [] if settings else ["there is not one ConfigMap of settings"]
    for name in settings:
        readers = [binary for binary, known in code.variables.items() if name in known]
        if not readers:
            wrong.append(f"setting {name} is nothing that anybody reads")
        elif any(code.variables[binary][name] for binary in readers):
            wrong.append(f"setting {name} is secret")
    return wrong


def _of_pod(one, overlay, code, secrets) -> list[str]:
    wrong = []
    name, pod = one["metadata"]["name"], one["spec"]["template"]["spec"]
    inside = pod.get("securityContext", {})
    if inside.get("runAsNonRoot") is not True or inside.get("seccompProfile") != {"type": "RuntimeDefault"} \
            or pod.get("automountServiceAccountToken") is not False or any(pod.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")):
        wrong.append("its pod is not restricted")
    if pod.get("serviceAccountName") not in overlay.named("ServiceAccount"):
        wrong.append(f"account {pod.get('serviceAccountName')} is not there")
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("readOnlyRootFilesystem") is not True \
                or context.get("capabilities") != {"drop": ["ALL"]}:
            wrong.append(f"container {container['name']} is not restricted")
        if "memory" not in container.get("resources", {}).get("limits", {}) or not container["resources"].get("requests"):
            wrong.append("has no limits or requests")
        binary = container["image"].split(":")[0].split("@")[0].rpartition("/")[2]
        if ":" not in container["image"] or container["image"].endswith(":latest"):
            wrong.append(f"image {container['image']} is not of one version")
        if binary not in code.variables:
            wrong.append(f"image {container['image']} is of no binary of ours")
            continue
        for source in container.get("envFrom", []):
            if source["configMapRef"]["name"] not in overlay.named("ConfigMap"):
                wrong.append(f"{source['configMapRef']['name']} is not there")
        held = set(secrets.get(volumes.get("secrets", {}).get("secret", {}).get("secretName", ""), {}))
        wrong += _of_environment(container, code.variables[binary], held)
        if not any(mount["mountPath"] + "/" == MOUNTED and mount.get("readOnly") for mount in container.get("volumeMounts", [])):
            wrong.append("its secrets are not mounted to be read")
    if volumes.get("secrets", {}).get("secret", {}).get("secretName") != f"tradeup-{name}":
        wrong.append("has not the Secret of its name, and of nobody else's")
    return wrong


def _of_environment(container, known, held) -> list[str]:
    wrong, read = [], set()
    for variable in container.get("env", []):
        name, value = variable["name"], variable.get("value", "")
        plain = name.removesuffix("_FILE")
        if plain not in known:
            wrong.append(f"{name} is nothing that it reads")
        elif not name.endswith("_FILE"):
            if known[plain]:
                wrong.append(f"{name} is secret and stands in the environment")
        elif not known[plain]:
            wrong.append(f"{name}: {plain} is not read from a file")
        elif value != MOUNTED + plain or plain not in held:
            wrong.append(f"{name}: the Secret has no key for {value}")
        else:
            read.add(plain)
    return wrong + [f"key {key} of its Secret is not read" for key in sorted(held - read)]


def _of_deployment(one, overlay, code) -> list[str]:
    wrong = []
    name, pod = one["metadata"]["name"], one["spec"]["template"]["spec"]
    container = pod["containers"][0]
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    # Two seconds close connections.
    if pod.get("terminationGracePeriodSeconds", 30) < sleep + code.drain_seconds + 2 + 3:
        wrong.append("is killed before it has drained")
    if name in ("webhooks", "console") and not sleep:
        wrong.append("stops to listen while it is still sent to")
    environment = {variable["name"]: variable.get("value", "") for variable in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    if environment.get("TRADEUP_HEALTH", "").rpartition(":")[2] != str(ports.get("health")):
        wrong.append("its health is asked at another port than it listens at")
    http = (environment.get("TRADEUP_HTTP") or environment.get("TRADEUP_CONSOLE") or ":None").rpartition(":")[2]
    if http != str(ports.get("http")):
        wrong.append(f"listens on {http}, and its port http is {ports.get('http')}")
    for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        asked = container.get(probe, {}).get("httpGet", {})
        if (asked.get("path"), asked.get("port")) != (path, "health"):
            wrong.append(f"{probe} does not ask {path} at its port health")
    labels = one["spec"]["template"]["metadata"]["labels"]
    budgets = overlay.kind("PodDisruptionBudget")
    if sum(one["spec"]["selector"]["matchLabels"].items() <= labels.items() for one in budgets) != 1:
        wrong.append("has not one PodDisruptionBudget")
    if labels.get("app.kubernetes.io/part-of") != "tradeup-jobs":
        wrong.append("may not reach its servers: the label part-of is missing")
    return wrong


def _of_network(overlay, code) -> list[str]:
    wrong = _of_outside(overlay, code)
    policies = overlay.kind("NetworkPolicy")
    deny = [one for one in policies if one["spec"]["podSelector"] == {} and not one["spec"].get("ingress")
            and not one["spec"].get("egress") and set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"}]
    if len(deny) != 1:
        wrong.append("there is no policy that denies everything first")
    for one in policies:
        rules = one["spec"].get("ingress", []) + one["spec"].get("egress", [])
        if any(not rule.get("ports") for rule in rules):
            wrong.append(f"NetworkPolicy {one['metadata']['name']} opens every port")
    return wrong


def _of_outside(overlay, code) -> list[str]:
    """Who speaks to somebody outside is let out, and nobody else."""
    wrong = []
    policies = [one["spec"] for one in overlay.kind("NetworkPolicy")
                if any("ipBlock" in to for rule in one["spec"].get("egress", []) for to in rule.get("to", []))]
    for one in overlay.kind(*PODS):
        template = one["spec"]["template"]
        container = template["spec"]["containers"][0]
        binary = container["image"].split(":")[0].rpartition("/")[2]
        is_let = any(_selects(spec["podSelector"], template["metadata"]["labels"]) for spec in policies)
        calls = binary in code.callers and container.get("args") != ["setup"]
        if calls != is_let:
            wrong.append(f"{one['metadata']['name']}: " + ("no NetworkPolicy lets it out" if calls else "has no business outside"))
    return wrong


def _selects(selector: dict, labels: dict) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions), "another operator than In; look at tests/deploy"
    return selector.get("matchLabels", {}).items() <= labels.items() and all(labels.get(one["key"]) in one["values"] for one in expressions)


def _of_services(overlay, code) -> list[str]:
    wrong = []
    pods = [one["spec"]["template"] for one in overlay.kind("Deployment")]
    for name, one in overlay.named("Service").items():
        behind = [pod for pod in pods if one["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]
        ports = {port["name"] for pod in behind for port in pod["spec"]["containers"][0]["ports"]}
        if len(behind) != 1 or any(port["targetPort"] not in ports for port in one["spec"]["ports"]):
            wrong.append(f"Service {name} leads to nobody")
    for name, one in overlay.named("Ingress").items():
        for path in (path for rule in one["spec"]["rules"] for path in rule["http"]["paths"]):
            if path["backend"]["service"]["name"] not in overlay.named("Service"):
                wrong.append(f"Ingress {name}: no Service for {path['path']}")
            elif name == "webhooks" and not any(
                    route == path["path"] if path["pathType"] == "Exact" else route.startswith(path["path"] + "/")
                    for route in code.routes):
                wrong.append(f"Ingress {name}: webhooks answers nothing at {path['path']}")
    if overlay.named("Ingress"):
        leads = [path for rule in overlay.named("Ingress")["webhooks"]["spec"]["rules"] for path in rule["http"]["paths"]]
        wrong += [f"Ingress webhooks does not lead to {route}" for route in sorted(code.routes)
                  if not any(route.startswith(path["path"]) for path in leads)]
    return wrong


def _of_scaling(overlay, code) -> list[str]:
    wrong = []
    scaled = overlay.named("ScaledObject")
    for name, one in scaled.items():
        spec = one["spec"]
        target = overlay.named("Deployment").get(spec["scaleTargetRef"]["name"])
        if target is None:
            wrong.append(f"ScaledObject {name}: there is no such Deployment")
        elif "replicas" in target["spec"]:
            wrong.append(f"ScaledObject {name}: its Deployment says how many, too")
        seen = set()
        for trigger in (trigger["metadata"] for trigger in spec["triggers"]):
            consumer = trigger["consumer"]
            seen.add(consumer)
            if code.consumers.get(consumer) != (trigger["stream"], name):
                wrong.append(f"ScaledObject {name}: {name} has no consumer {consumer} of {trigger['stream']}")
            if trigger["account"] != ACCOUNT:
                wrong.append(f"ScaledObject {name}: the account is {trigger['account']}")
        mine = {consumer for consumer, (_, service) in code.consumers.items() if service == name}
        # From none, each may be the one that waits; else those that come in thousands.
        needed = mine if spec["minReplicaCount"] == 0 else {one for one in mine if one.endswith("-batch") or one == "intake"}
        wrong += [f"ScaledObject {name} does not look at consumer {consumer}" for consumer in sorted(needed - seen)]
        if spec["minReplicaCount"] == 0 and name != "agents":
            wrong.append(f"ScaledObject {name} begins at none; doctor takes only agents' absence for no problem")
    return wrong + [f"{name} is not scaled" for name in {"credits", "webhooks", "agents"} - set(scaled)]


def _of_connections(overlay, code) -> list[str]:
    there = int(overlay.kind("Cluster")[0]["spec"]["postgresql"]["parameters"]["max_connections"])
    concurrency = int(overlay.settings().get("TRADEUP_CONCURRENCY", 8))
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"]["maxReplicaCount"] for one in overlay.kind("ScaledObject")}
    needed = 30
    for name, one in overlay.named("Deployment").items():
        # One more while a new build comes.
        pods = scaled.get(name, one["spec"].get("replicas", 1)) + (name not in scaled)
        needed += pods * connections_max(code, name, concurrency)
    return [] if needed <= there else [f"the services may take {needed} connections, PostgreSQL has {there}"]


def _of_namespace(overlay) -> list[str]:
    labels = overlay.kind("Namespace")[0]["metadata"]["labels"]
    return [] if labels.get("pod-security.kubernetes.io/enforce") == "restricted" else ["the namespace is not restricted"]


def check_nats(values: dict) -> list[str]:
    """What has to hold of the values for NATS's chart."""
    wrong = []
    config = values["config"]
    if config["jetstream"]["merge"].get("sync_interval") != "always":
        wrong.append("confirmed messages may be lost: sync_interval is not always")
    if ACCOUNT not in config["merge"]["accounts"] or config["merge"]["accounts"][ACCOUNT].get("jetstream") != "enabled":
        wrong.append(f"there is no account {ACCOUNT} with JetStream")
    topology = (REPO / "services/shared/broker/src/topology.rs").read_text(encoding="utf-8")
    products = re.findall(r"max_bytes: ([\d *]+),", topology)
    streams = sum(_product(product) for product in products)
    if len(products) < 5 or streams > _bytes(config["jetstream"]["fileStore"]["maxSize"]):
        wrong.append(f"streams may grow to {streams} bytes, more than NATS may store")
    if _bytes(config["jetstream"]["fileStore"]["maxSize"]) > _bytes(config["jetstream"]["fileStore"]["pvc"]["size"]):
        wrong.append("NATS may store more than its volume holds")
    return wrong


def _product(text: str) -> int:
    result = 1
    for factor in text.split("*"):
        result *= int(factor)
    return result


def _bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()
    return int(number) * {"Mi": 1 << 20, "Gi": 1 << 30}[unit]
