"""Whether what the services tell can be seen: a real Prometheus scrapes them, and each panel's query has to return series."""
from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import _tools
from _code import REPO

# Grafana's own, as it would fill it in.
RATE_INTERVAL = "15s"
PATIENCE_SECONDS = 60
# The shop of what is counted for it.
SHOP = "seen-shop"


def programs() -> dict[str, str]:
    """Where prometheus and promtool are."""
    printed = _tools.output(REPO / "tests/tools/prometheus")
    return dict(line.split("=", 1) for line in printed.splitlines())


def rules() -> None:
    """The alert rules by promtool: their syntax, and their own tests."""
    promtool = programs()["PROMTOOL"]
    _tools.output(promtool, "check", "config", REPO / "deploy/prometheus/prometheus.yml")
    _tools.output(promtool, "test", "rules", REPO / "deploy/prometheus/alerts_test.yml")


def panels() -> list[tuple[str, str]]:
    """Title and query of each panel of each dashboard."""
    found = []
    for file in sorted((REPO / "deploy/grafana/dashboards").glob("*.json")):
        board = json.loads(file.read_text(encoding="utf-8"))
        found += [(f"{board['title']}: {panel['title']}", target["expr"])
                  for panel in board["panels"] for target in panel.get("targets", [])]
    if len(found) < 40:
        raise SystemExit("tests/deploy: the dashboards are not read as they are written")
    return found


def unknown_names(queries: list[str]) -> set[str]:
    """Metrics in queries that docs/metrics.md does not have."""
    known = set(re.findall(r"^\| `(\w+)` \|", (REPO / "docs/metrics.md").read_text(encoding="utf-8"), re.M))
    named = {name for query in queries for name in re.findall(r"\b(?:tradeup|process)_\w+", query)}
    return {name for name in named if name not in known and re.sub(r"_(bucket|count|sum)$", "", name) not in known}


class Prometheus:
    """One that scrapes these addresses each second."""

    def __init__(self, folder: Path, port: int, targets: dict[str, str]):
        self.address = f"http://127.0.0.1:{port}"
        folder.mkdir()
        settings = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s",
                               "external_labels": {"console": "http://127.0.0.1:8090"}},
                    "rule_files": [str(REPO / "deploy/prometheus/alerts.yml")],
                    "scrape_configs": [{"job_name": "tradeup", "static_configs": [{"targets": list(targets.values())}]}]}
        (folder / "prometheus.yml").write_text(json.dumps(settings), encoding="utf-8")
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [programs()["PROMETHEUS"], f"--config.file={folder / 'prometheus.yml'}", f"--web.listen-address=127.0.0.1:{port}",
                 f"--storage.tsdb.path={folder / 'data'}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)

    def get(self, path: str, **asked: str) -> object:
        """An answer of its API."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def series(self, query: str) -> int:
        """How many a query returns now; 0 while it does not answer."""
        try:
            return len(self.get("query", query=query)["result"])
        except urllib.error.HTTPError as error:
            raise SystemExit(f"tests/deploy: {query}: {error.read().decode()[:300]}") from error
        except OSError:
            return 0

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)


def look(one, folder: Path, port: int) -> str:
    """Has the services do something, and Prometheus see it. `one` runs commands of ours."""
    targets = {name: one.environments[name]["TRADEUP_HEALTH"] for name in one.environments}
    prometheus = Prometheus(folder, port, targets)
    try:
        operator = one.environment("tradeup")
        one.run("tradeup", "tenant", "add", SHOP, "--currency", "USD", "--zone", "UTC", "--tier", "gold=10.00:gold",
                environment=operator)
        members = folder / "members.csv"
        members.write_text("Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags\n"
                           "'7400112233445,Ann,Example,ann@example.com,yes,,gold\n", encoding="utf-8")
        one.run("tradeup", "import", "members", str(members), "--tenant", SHOP, "--since", "2026-01-01", environment=operator)
        queries = [query.replace("$__rate_interval", RATE_INTERVAL) for _, query in panels()]
        if unknown := unknown_names(queries):
            raise SystemExit(f"tests/deploy: dashboards ask for {', '.join(sorted(unknown))}, which docs/metrics.md does not have")
        end = time.monotonic() + PATIENCE_SECONDS
        while empty := [title for (title, _), query in zip(panels(), queries) if not prometheus.series(query)]:
            if time.monotonic() > end:
                raise SystemExit(f"tests/deploy: no series for {'; '.join(empty)}")
            # What begins with its first event is counted from the second on.
            one.run("tradeup", "grant", "--tenant", SHOP, "--member", "7400112233445", "--amount", "1.00",
                    "--key", f"seen-{time.monotonic_ns()}", "--reason", "seen", environment=operator)
            one.run("tradeup", "probe", "--service", "credits", "--failures", "1", environment=operator)
            one.failing("tradeup", "probe", "--service", "credits", "--failures", "9", "--failure", "permanent",
                        environment=operator)
            time.sleep(1)
        down = [target["scrapeUrl"] for target in prometheus.get("targets")["activeTargets"] if target["health"] != "up"]
        if down:
            raise SystemExit(f"tests/deploy: Prometheus can't scrape {', '.join(down)}")
        broken = [rule["name"] for group in prometheus.get("rules")["groups"] for rule in group["rules"] if rule["health"] == "err"]
        if broken:
            raise SystemExit(f"tests/deploy: alert rules that fail: {', '.join(broken)}")
        return f"each query of {len(panels())} panels returns series of {len(targets)} services"
    finally:
        prometheus.stop()
