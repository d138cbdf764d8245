"""What the code says that a deployment has to agree with: variables, consumers, ports, times, routes."""
from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[2]
SERVICES = ("scheduler", "credits", "webhooks", "agents", "console")
# Read by every service; the command line reads the same and its own.
SHARED = ("services/shared/worker/src", "services/shared/telemetry/src")


class Code(NamedTuple):
    """What was read."""
    variables: dict[str, dict[str, bool]]  # by binary: name, and whether it is secret
    kinds: dict[str, list[str]]            # by service: its tasks
    consumers: dict[str, tuple[str, str]]  # by name: stream and service
    drain_seconds: int
    routes: set[str]                       # paths of webhooks
    callers: set[str]                      # binaries that speak to somebody outside


def _texts(folder: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((REPO / folder).rglob("*.rs")))


def _variables(text: str) -> dict[str, bool]:
    found = {}
    for argument in re.findall(r"#\[arg\((.*?)\)\]\s*\n", text, re.S):
        name = re.search(r'\benv = "([A-Z_]+)"', argument)
        if name:
            found[name.group(1)] = "hide_env_values = true" in argument
    return found


def _constant(text: str, name: str) -> str:
    return re.search(rf'const {name}: &str = "([^"]+)"', text).group(1)


def read() -> Code:
    """Reads the sources. A source that can't be understood is an error: the check must not pass by seeing nothing."""
    shared = _variables("\n".join(map(_texts, SHARED)))
    variables = {name: {**shared, **_variables(_texts(f"services/{name}/src"))} for name in SERVICES}
    variables["tradeup"] = {**shared, **_variables(_texts("services/cli/src"))}

    kinds: dict[str, list[str]] = {}
    listed = (REPO / "proto/src/job_kind.rs").read_text(encoding="utf-8")
    for service, task in re.findall(r'JobKind\s*\{\s*service: "(\w+)",\s*task: "([\w-]+)"', listed):
        kinds.setdefault(service, []).append(task)
    topology = (REPO / "services/shared/broker/src/topology.rs").read_text(encoding="utf-8")
    jobs, events = _constant(topology, "JOBS"), _constant(topology, "EVENTS")
    consumers = {f"{service}-{task}{lane}": (jobs, service)
                 for service, tasks in kinds.items() for task in tasks for lane in ("", "-urgent")}
    consumers[_constant(topology, "INTAKE")] = (events, _constant(topology, "INTAKE_SERVICE"))
    # The names are made there as they are made here.
    assert 'format!("{}-{}", kind.service, kind.task)' in topology, "consumer_name is not as it was; look at tests/deploy"
    assert 'format!("{}-{}-urgent", kind.service, kind.task)' in topology

    drains = {int(seconds) for folder in SHARED
              for seconds in re.findall(r"DRAIN_WITHIN: Duration = Duration::from_secs\((\d+)\)", _texts(folder))}
    routes = set(re.findall(r'\.route\(\s*"([^"]+)"', _texts("services/webhooks/src/http")))
    folders = {name: name.replace("tradeup", "cli") for name in variables}
    callers = {name for name, folder in folders.items() if re.search(
        r"^tradeup-(shopify|anthropic|hooks|mail)\b", (REPO / "services" / folder / "Cargo.toml").read_text(encoding="utf-8"), re.M)}
    code = Code(variables, kinds, consumers, max(drains), routes, callers)
    assert callers and "scheduler" not in callers
    assert len(shared) > 8 and len(consumers) > 80 and len(routes) > 5, "the sources are not read as they are written"
    return code


def connections_max(code: Code, service: str, concurrency: int) -> int:
    """As ServiceOptions::connections_max reckons it: for each kind its places in both lanes, and two."""
    kinds = max(1, len(code.kinds.get(service, []))) if service != "console" else 1
    return kinds * (concurrency + math.ceil(concurrency / 4)) + 2
