"""The stage of a rehearsal: real servers of its own, services as processes, an archive, and ways to destroy it all."""
from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[2]
SERVERS = REPO / "deploy/local/servers"
SERVICES = ("scheduler", "credits", "webhooks")
# Quick to notice who is gone.
QUICK = {"TRADEUP_LEASE_SECONDS": "2", "TRADEUP_ACK_WAIT_SECONDS": "3", "TRADEUP_CONCURRENCY": "4"}


class Broken(Exception):
    """Something did not hold."""


def until(what: str, seconds: float, holds):
    """Waits until something holds, and gives back what that was."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            raise Broken(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return found


class Build(NamedTuple):
    """Binaries, and what makes them this build."""
    name: str
    folder: Path
    environment: dict[str, str] = {}


class Stage:
    """Servers, services, and what is known of them."""

    def __init__(self, folder: Path, binaries: Path):
        self.dir, self.build = folder.resolve(), Build("this build", binaries.resolve())
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        # PostgreSQL of root's runs as another user, who has to get there.
        os.chmod(self.dir, 0o711)
        self.environment: dict[str, str] = {}
        self.running: dict[str, subprocess.Popen] = {}
        self.began = time.monotonic()
        self.owner: os.stat_result | None = None

    def say(self, text: str) -> None:
        """One line, with the time since the beginning."""
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    # Servers.

    def servers(self, *arguments: str) -> None:
        """Calls deploy/local/servers for this stage."""
        done = subprocess.run([SERVERS, *arguments, "--dir", self.dir / "servers"], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Broken(f"servers {' '.join(arguments)}: {done.stderr or done.stdout}")

    @property
    def postgres(self) -> dict:
        """What is known of PostgreSQL: port, passwords, programs, data."""
        return json.loads((self.dir / "servers/servers.json").read_text(encoding="utf-8"))["postgres"]

    @property
    def nats_data(self) -> Path:
        """The folder of JetStream's data."""
        return Path(json.loads((self.dir / "servers/servers.json").read_text(encoding="utf-8"))["nats"]["data"])

    def up(self) -> None:
        """Starts what does not run, and reads where it is."""
        self.servers("up")
        text = (self.dir / "servers/env").read_text(encoding="utf-8")
        given = (line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export "))
        self.environment = {"PATH": os.environ["PATH"], **{name: value.strip("'") for name, value in given}, **QUICK}

    def sql(self, statement: str) -> str:
        """Runs a statement as superuser, in the database of the services."""
        known = self.postgres
        done = subprocess.run([known["psql"], "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                               f"host=127.0.0.1 port={known['port']} user=tradeup_admin dbname=tradeup", "-f", "-"],
                              input=statement, check=False, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "PGPASSWORD": known["passwords"]["tradeup_admin"]})
        if done.returncode:
            raise Broken(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def give_to_postgres(self, path: Path) -> None:
        """A folder whose files PostgreSQL is to own and alone to see."""
        # Noted once, while the server has made its folder itself.
        self.owner = self.owner or Path(self.postgres["data"]).stat()
        for below in [path, *path.rglob("*")]:
            os.chown(below, self.owner.st_uid, self.owner.st_gid)

    # Services.

    def tradeup(self, *arguments: str, code: int | None = 0) -> str:
        """Calls the command line; `code` None for whatever comes."""
        done = subprocess.run([self.build.folder / "tradeup", *arguments], env={**self.environment, **self.build.environment},
                              check=False, capture_output=True, text=True)
        if code is not None and done.returncode != code:
            raise Broken(f"tradeup {' '.join(arguments)} ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def json(self, *arguments: str, code: int | None = 0):
        """As `tradeup`, with JSON."""
        return json.loads(self.tradeup("--json", *arguments, code=code))

    def start(self, *names: str, build: Build | None = None) -> None:
        """Starts services, and waits until each says that it is ready. Those of a `build` are told apart by its name."""
        of = build or self.build
        labels = {name: name if build is None else f"{name} of {build.name}" for name in names}
        for name, label in labels.items():
            with (self.dir / f"{name}.log").open("a", encoding="utf-8") as log:
                self.running[label] = subprocess.Popen([of.folder / name], env={**self.environment, **of.environment},
                                                       stdout=log, stderr=log)
        for name, label in labels.items():
            until(f"{label} is ready", 30, lambda label=label, name=name: self.is_ready(label, name))

    def is_ready(self, label: str, name: str) -> bool:
        """Whether a service has said so; it must not have ended."""
        process, log = self.running[label], (self.dir / f"{name}.log").read_text(encoding="utf-8")
        if process.poll() is not None:
            raise Broken(f"{label} ended with {process.returncode}: {log[-1500:]}")
        return f"is ready as {name}-{process.pid}-" in log

    def stop(self, *names: str, kill: bool = False) -> None:
        """Ends services: in order, or as a power cut does."""
        for label in [label for label in self.running if not names or label.split(" ")[0] in names]:
            self.stop_label(label, kill)

    def stop_build(self, build: Build, kill: bool = False) -> None:
        """Ends what runs of a build."""
        for label in [label for label in self.running if label.endswith(f" of {build.name}")]:
            self.stop_label(label, kill)

    def stop_label(self, label: str, kill: bool = False) -> None:
        """Ends one process."""
        process = self.running.pop(label)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        code = process.wait(30)
        if code and not kill:
            log = (self.dir / (label.split(" ")[0] + ".log")).read_text(encoding="utf-8")
            raise Broken(f"{label} ended with {code}: {log[-1500:]}")

    def refuses(self, name: str, words: str) -> None:
        """Starts a service that must not start, and say why."""
        done = subprocess.run([self.build.folder / name], env={**self.environment, **self.build.environment}, check=False,
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 1 or words not in done.stderr:
            raise Broken(f"{name} ended with {done.returncode} and not because of '{words}': {done.stderr[-1000:]}")

    def end(self) -> None:
        """Ends everything that was started here."""
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()
        if (self.dir / "servers").exists():
            subprocess.run([SERVERS, "down", "--wipe", "--dir", self.dir / "servers"], check=False, capture_output=True)

    # Shops and money.

    def shop(self, handle: str, members: int, seed: int) -> str:
        """A shop with members; the customer id of one of them."""
        self.tradeup("tenant", "add", handle, "--currency", "USD", "--zone", "America/New_York",
                     "--tier", "gold=10.00:vip-gold", "--tier", "silver=5.00:vip-silver")
        file = self.dir / f"{handle}.csv"
        self.tradeup("generate", "members", "--count", str(members), "--seed", str(seed), "--out", str(file))
        self.tradeup("import", "members", str(file), "--tenant", handle, "--since", "2026-01-01")
        with file.open(encoding="utf-8") as lines:
            return next(csv.DictReader(lines))["Customer ID"].strip("'")

    def month(self, period: str) -> None:
        """Runs a month to its end."""
        self.tradeup("trigger", "monthly-credits", "--period", period, "--follow")

    def money(self) -> str:
        """Every lot that was granted, by shop and cause: how many, and how much."""
        return self.sql("select string_agg(row, E'\\n' order by row) from (select format('%s %s %s: %s lots, %s', t.handle, l.reason, "
                        "l.source_key, count(*), sum(l.granted_minor)) as row from lots l join tenants t on t.id = l.tenant_id "
                        "group by t.handle, l.reason, l.source_key) as g")

    def proven(self) -> None:
        """The ledger is proved, and no member has two lots of one cause."""
        self.tradeup("verify")
        twice = self.sql("select count(*) from (select 1 from lots group by tenant_id, member_id, reason, source_key having count(*) > 1) as g")
        if twice != "0":
            raise Broken(f"{twice} members were credited twice")
