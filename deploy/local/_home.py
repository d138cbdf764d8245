"""The folder DIR of `servers`: its state, its lock, and what both servers have in common."""
from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

from _system import Fail, choose_port, port_free, read_json, runs, say, spawn, start_mark, tail, write_private

NAMES = ("postgres", "nats")
TITLES = {"postgres": "PostgreSQL", "nats": "nats-server"}
READY_SECONDS = 120


class Home:
    """DIR, what servers.json in it tells, and the lock that keeps two commands from working on it at once."""

    def __init__(self, folder: str):
        self.dir = Path(os.path.realpath(folder))
        self.state_file, self.env_file, self.lock_file = (self.dir / name for name in ("servers.json", "env", "lock"))
        self.state = read_json(self.state_file)

    def log(self, name: str) -> Path:
        """The server's log file."""
        return self.dir / f"{name}.log"

    def save(self) -> None:
        """Write servers.json, and the env file to match."""
        write_private(self.state_file, json.dumps(self.state, indent=2) + "\n")
        write_private(self.env_file, self.env_text())

    def env_text(self) -> str:
        """What the env file holds: variables for the servers that were set up here."""
        found = {}
        postgres, nats = self.state.get("postgres"), self.state.get("nats")
        if postgres:
            for key, role, database in (("TRADEUP_DATABASE_URL", "tradeup_app", "tradeup"),
                                        ("TRADEUP_OWNER_DATABASE_URL", "tradeup_owner", "tradeup"),
                                        ("TRADEUP_ADMIN_DATABASE_URL", "tradeup_admin", "postgres")):
                secret = postgres["passwords"][role]
                found[key] = f"postgres://{role}:{secret}@127.0.0.1:{postgres['port']}/{database}"
        if nats:
            found["TRADEUP_NATS_URL"] = f"nats://127.0.0.1:{nats['port']}"
            found["TRADEUP_NATS_MONITOR_URL"] = f"http://127.0.0.1:{nats['monitor_port']}"
        return "".join(f"export {key}='{value}'\n" for key, value in found.items())

    @contextlib.contextmanager
    def locked(self):
        """Hold DIR's lock, and read the state anew under it."""
        while True:
            if not self.dir.is_dir():
                self.dir.mkdir(parents=True, exist_ok=True)
                # Others may pass, not list: when root starts it, PostgreSQL runs as another user.
                os.chmod(self.dir, 0o711 if os.geteuid() == 0 else 0o700)
            lock = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another command on {self.dir}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), os.stat(self.lock_file)):
                    break
            os.close(lock)  # the file was wiped while we waited
        try:
            self.state = read_json(self.state_file)
            yield self
        finally:
            os.close(lock)

    def new_port(self) -> int:
        """A free port that no server of this folder has."""
        return choose_port({known.get(key) for known in self.state.values() for key in ("port", "monitor_port")})

    def running(self, name: str) -> bool:
        """Whether the server that the state tells of runs."""
        known = self.state.get(name, {})
        return runs(known.get("pid"), known.get("start"))

    def start(self, name: str, command: list, uid: int | None = None) -> None:
        """Start a server on its ports, and note the process at once, so that it is found again whatever comes."""
        known = self.state[name]
        for port in filter(None, (known["port"], known.get("monitor_port"))):
            if not port_free(port):
                raise Fail(f"port {port}, which {TITLES[name]} has in {self.dir}, is taken by another program",
                           f"end that program (ss -ltnp 'sport = :{port}' shows it) and try again")
        pid = spawn(command, self.log(name), uid)
        known.update(pid=pid, start=start_mark(pid))
        self.save()

    def wait_ready(self, name: str, problem, since: int) -> None:
        """Wait until `problem()` is None; if the server dies first, show what it logged after byte `since`."""
        end = time.monotonic() + READY_SECONDS
        while self.running(name):
            seen = problem()
            if seen is None:
                return
            if time.monotonic() > end or "authentication failed" in seen:
                raise Fail(f"{TITLES[name]} runs but does not answer as it should ({seen})",
                           f"look at {self.log(name)}, which ends:", tail(self.log(name), since))
            time.sleep(0.05)
        last = tail(self.log(name), since)
        raise Fail(f"{TITLES[name]} died while it started",
                   f"look at {self.log(name)}, which ends:" if last else f"it wrote nothing to {self.log(name)}", last)
