"""nats-server with JetStream for `servers`: configuration, start, and whether it answers."""
from __future__ import annotations

import http.client
import json
import re
import secrets
import shutil
import socket
from pathlib import Path

import _binaries
from _home import Home
from _system import kill_all, log_size, write_private

CONFIGURATION = """\
# Written by deploy/local/servers at each start; changes made here are lost.
server_name: "{name}"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
max_payload: 1MB
pid_file: {pid_file}
log_file: {log_file}
jetstream {{
  store_dir: {store}
  max_memory_store: 256MB
  max_file_store: 10GB
  sync_interval: always
}}
# Whoever names a user is held to its rights, and whoever names none may everything.
authorization {{
{users}}}
no_auth_user: everybody
"""
USERS = Path(__file__).resolve().parents[1] / "nats/users.conf"


def up(home: Home) -> bool:
    """Make nats-server run with JetStream; tells whether it was started now."""
    since, fresh = log_size(home.log("nats")), not home.running("nats")
    if fresh:
        program, store = _binaries.find_nats(), home.dir / "nats"
        known = home.state.setdefault("nats", {})
        if not known:
            known.update(data=str(store), name=f"tradeup-local-{secrets.token_hex(4)}", port=home.new_port())
            known.update(monitor_port=home.new_port())
        known.update(version=program.version, file=str(program.file))
        store.mkdir(mode=0o700, exist_ok=True)
        paths = {"store": store, "pid_file": store / "pid", "log_file": home.log("nats")}
        quoted = {key: json.dumps(str(path), ensure_ascii=False) for key, path in paths.items()}
        write_private(store / "nats.conf", CONFIGURATION.format(**{**known, **quoted}, users=users()))
        home.start("nats", [program.file, "-c", store / "nats.conf"])
    home.wait_ready("nats", lambda: problem(home), since)
    return fresh


def users() -> str:
    """The users of a deployment, as they are, so that a service can be tried with the rights that it has there. Nobody is
    kept out, so a user's password is its name."""
    text = re.sub(r"^include .*\n", "", USERS.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(r"(?m)^( *user: )([\w-]+)\n( *password: ).*$", r'\1\2\n\3"\2"', text)
    return re.sub(r"\]\s*\Z", '  { user: everybody, password: "everybody" }\n]\n', text)


def problem(home: Home) -> str | None:
    """None if our nats-server answers and JetStream is enabled, or else what is wrong."""
    known = home.state["nats"]
    try:
        with socket.create_connection(("127.0.0.1", known["port"]), timeout=5) as connection:
            greeting = connection.makefile("rb").readline().decode()
        info = json.loads(greeting.partition("INFO ")[2] or "{}")
        monitor = http.client.HTTPConnection("127.0.0.1", known["monitor_port"], timeout=5)
        monitor.request("GET", "/healthz?js-enabled-only=true")
        health = monitor.getresponse()
        answer = health.read().decode(errors="replace").strip()
        monitor.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error)
    if info.get("server_name") != known["name"]:
        return f"another server answers on port {known['port']}"
    if not info.get("jetstream"):
        return "JetStream is off"
    return None if health.status == 200 else answer


def kill(home: Home) -> None:
    """SIGKILL."""
    kill_all([(home.state["nats"]["pid"], home.state["nats"]["start"])])


def wipe(home: Home) -> None:
    """Delete the store."""
    if (home.dir / "nats").exists():
        shutil.rmtree(home.dir / "nats")
