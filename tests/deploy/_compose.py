"""What has to hold of docker-compose.yml, the Dockerfile, and what belongs to them."""
from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import _tls
import _tools
from _code import REPO, SERVICES, Code, connections_max

SECRETS = "/run/secrets/"
VARIABLE = re.compile(r"\$\{(\w+)(?::?[-?]([^}]*))?\}")
# What health checks of others than ours ask.
ASKED_BY_OTHERS = {"nats-exporter", "postgres-exporter", "tempo"}


def environment_example() -> dict[str, str]:
    """The settings of deploy/compose/env.example."""
    lines = (REPO / "deploy/compose/env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolated(value: object, settings: dict[str, str]) -> str:
    """A value as compose fills it in; without `:-`, empty if not set."""
    return VARIABLE.sub(lambda found: settings.get(found.group(1)) or (found.group(2) or ""), str(value))


def program(service: dict) -> str | None:
    """Which of our binaries a container runs."""
    return service["build"]["target"] if isinstance(service.get("build"), dict) else None


def made_secrets() -> dict[str, str]:
    """The files that deploy/compose/make-secrets makes, and makes once; what is in them."""
    with tempfile.TemporaryDirectory() as folder:
        _tools.output(REPO / "deploy/compose/make-secrets", "--dir", folder)
        first = {path.name: path.read_text(encoding="utf-8") for path in Path(folder).iterdir()}
        _tools.output(REPO / "deploy/compose/make-secrets", "--dir", folder)
        again = {path.name: path.read_text(encoding="utf-8") for path in Path(folder).iterdir()}
    if first != again:
        raise SystemExit("tests/deploy: make-secrets changed secrets that were there")
    return first


def check(compose: dict, code: Code, text: str, targets: set[str], made: dict[str, str]) -> list[str]:
    """Everything, as a list of what is wrong."""
    settings = environment_example()
    wrong = [f"schema: {error}" for error in _tools.compose_schema(compose)]
    wrong += _of_settings(text, settings)
    files = {name: Path(secret["file"]).name for name, secret in compose["secrets"].items()}
    wrong += [f"secret {name}: make-secrets does not make {file}" for name, file in files.items() if file not in made]
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    wrong += [f"secret {name} is used by nobody" for name in files if name not in used]
    wrong += [f"{name} is given the password of the superuser" for name, service in compose["services"].items()
              if name != "postgres" and "admin_password" in service.get("secrets", [])]
    wrong += [f"no container runs {name}" for name in SERVICES
              if name not in {program(service) for service in compose["services"].values()}]
    for name, service in compose["services"].items():
        wrong += [f"{name}: {what}" for what in _of_service(name, service, code, settings, targets, files)]
    wrong += _tls.compose(compose["services"], made)
    return wrong + _of_connections(compose, code, settings) + _of_dockerfile() + _of_scrapes(compose)


def _of_settings(text: str, settings: dict[str, str]) -> list[str]:
    asked = {found.group(1) for found in VARIABLE.finditer(text)}
    return ([f"env.example lacks {name}" for name in sorted(asked - set(settings))]
            + [f"env.example has {name}, which nothing reads" for name in sorted(set(settings) - asked)
               if name != "COMPOSE_PROFILES"])


def _of_service(name, service, code, settings, targets, files) -> list[str]:
    wrong = []
    if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"] \
            or service.get("security_opt") != ["no-new-privileges:true"]:
        wrong.append("is not read-only, without capabilities and without new privileges")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= set(limits):
        wrong.append("has no limits")
    image = service.get("image")
    if image and not re.search(r":v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$", image):
        wrong.append(f"image {image} is not of one version")
    if program(service) and program(service) not in targets:
        wrong.append(f"the Dockerfile has no target {program(service)}")
    ends = service.get("restart") == "no"
    if not ends and name not in ASKED_BY_OTHERS and "healthcheck" not in service:
        wrong.append("has no health check")
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            wrong.append(f"port {port} is not on loopback")
    for other, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_started":
            wrong.append(f"waits for {other} without asking how it is")
    known = code.variables.get(program(service) or "")
    if known is not None:
        wrong += _of_environment(service, known, settings, files)
        calls = program(service) in code.callers and service.get("command") != ["setup"]
        if calls != ("outside" in service.get("networks", [])):
            wrong.append("speaks to somebody outside, and is in no network that leads there" if calls else "has no business outside")
        wrong += _of_ports(service, settings)
        if not ends:
            grace = int(str(service.get("stop_grace_period", "0s")).removesuffix("s"))
            if grace < code.drain_seconds + 5:
                wrong.append(f"is killed after {grace} s, and drains for {code.drain_seconds} s")
            if service["healthcheck"]["test"] != ["CMD", program(service), "--healthy"]:
                wrong.append("its health check does not ask it")
            if "TRADEUP_HEALTH" not in service["environment"]:
                wrong.append("TRADEUP_HEALTH is not set")
    return wrong


def _of_environment(service, known, settings, files) -> list[str]:
    wrong = []
    read = set()
    for name, value in service.get("environment", {}).items():
        plain = name.removesuffix("_FILE")
        if plain not in known:
            wrong.append(f"{name} is nothing that it reads")
        elif not name.endswith("_FILE"):
            if known[plain]:
                wrong.append(f"{name} is secret and stands in the environment")
        elif not known[plain]:
            wrong.append(f"{name}: {plain} is not read from a file")
        else:
            secret = interpolated(value, settings).removeprefix(SECRETS)
            read.add(secret)
            if secret not in service.get("secrets", []) or secret not in files:
                wrong.append(f"{name}: secret {secret} is not there")
    # Which of the two addresses of NATS is a setting.
    for secret in set(service.get("secrets", [])) - read:
        if not secret.endswith(("_nats_url", "_nats_cluster_url")):
            wrong.append(f"secret {secret} is given and not read")
    return wrong


def _of_ports(service, settings) -> list[str]:
    listens = {interpolated(service.get("environment", {}).get(name, ""), settings).rpartition(":")[2]
               for name in ("TRADEUP_HTTP", "TRADEUP_CONSOLE")} - {""}
    published = {interpolated(port, settings).rpartition(":")[2] for port in service.get("ports", [])}
    return [] if listens == published else [f"listens on {listens or 'nothing'} and publishes {published or 'nothing'}"]


def _of_dockerfile() -> list[str]:
    """What is compiled in has to be copied, and let through to the builder."""
    dockerfile = (REPO / "deploy/images/Dockerfile").read_text(encoding="utf-8")
    copied = {part for line in re.findall(r"^COPY ([^-\n][^\n]*) \S+$", dockerfile, re.M) for part in line.split()}
    ignored = (REPO / "deploy/images/Dockerfile.dockerignore").read_text(encoding="utf-8")
    let_through = set(re.findall(r"^!(\S+)$", ignored, re.M))
    wrong = [f"Dockerfile copies {part}, which is not there" for part in copied if not (REPO / part).exists()]
    wrong += [f"Dockerfile.dockerignore does not let {part} through" for part in sorted(copied - let_through)]
    for source in [*REPO.glob("services/**/*.rs"), *REPO.glob("proto/**/*.rs")]:
        text = source.read_text(encoding="utf-8")
        inside = [source.parent / path for path in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', text)]
        if source.name == "build.rs":
            inside += [source.parent / path for path in re.findall(r'"((?:\.\./)+[\w./-]+)"', text)]
        for path in inside:
            place = Path(os.path.normpath(path)).relative_to(REPO)
            if not any(place.is_relative_to(part) for part in copied):
                wrong.append(f"{source.relative_to(REPO)} has {place} compiled in, which the Dockerfile does not copy")
    return wrong


def _of_scrapes(compose) -> list[str]:
    """Prometheus reads from containers that are there."""
    prometheus = _tools.documents((REPO / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))[0]
    jobs = prometheus["scrape_configs"]
    targets = [target for job in jobs for one in job.get("static_configs", []) for target in one["targets"]]
    targets += [f"{name}:{one['port']}" for job in jobs for one in job.get("dns_sd_configs", []) for name in one["names"]]
    sources = _tools.documents((REPO / "deploy/grafana/provisioning/datasources/tradeup.yaml").read_text(encoding="utf-8"))[0]
    targets += [target for one in prometheus["alerting"]["alertmanagers"] for config in one["static_configs"] for target in config["targets"]]
    hosts = {target.split(":")[0] for target in targets} - {"127.0.0.1"}
    hosts |= {re.match(r"https?://([\w-]+):", source["url"]).group(1) for source in sources["datasources"]}
    return [f"nobody is called {host}" for host in sorted(hosts - set(compose["services"]))]


def _of_connections(compose, code, settings) -> list[str]:
    command = " ".join(compose["services"]["postgres"]["command"])
    there = int(re.search(r"max_connections=(\d+)", command).group(1))
    concurrency = int(settings["TRADEUP_CONCURRENCY"])
    needed = sum(connections_max(code, name, concurrency) for name in SERVICES) + 30
    return [] if needed <= there else [f"the services may take {needed} connections, PostgreSQL has {there}"]
