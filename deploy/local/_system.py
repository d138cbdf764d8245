"""Small helpers for `servers`: errors, processes, ports, files. Standard library only."""
from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LINUX = sys.platform.startswith("linux")
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Tests at another date than today's move the servers' clock (tests/at).
CLOCK_VARIABLES = ("LD_PRELOAD", "FAKETIME")


class Fail(Exception):
    """What happened, and what the person can do about it: printed as one line."""

    def __init__(self, what: str, todo: str, log: list[str] | None = None):
        super().__init__(f"{what}; {todo}")
        self.log = log or []


def say(text: str) -> None:
    """Tell about progress, on stderr, so that stdout keeps only the result."""
    print(f"servers: {text}", file=sys.stderr, flush=True)


def clean_env(**more: str) -> dict[str, str]:
    """A minimal environment: no PG* settings, tokens or locale of the caller reach the servers."""
    names = KEPT_VARIABLES + (CLOCK_VARIABLES if "FAKETIME" in os.environ else ())
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "HOME": "/", **kept, **more}


def as_user(uid: int | None) -> dict:
    """Arguments for subprocess that drop from root to `uid` (nothing to do if that is us)."""
    if uid is None or uid == os.geteuid():
        return {}
    try:
        gid = pwd.getpwuid(uid).pw_gid
    except KeyError:
        gid = uid
    return {"user": uid, "group": gid, "extra_groups": []}


def run(command: list, uid: int | None = None, **options) -> subprocess.CompletedProcess:
    """Run a program to its end, with captured output, as `uid`; the caller looks at returncode."""
    options.setdefault("env", clean_env())
    options.setdefault("cwd", "/")
    options.setdefault("timeout", 120)
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding="utf-8", errors="replace", **as_user(uid), **options)


def spawn(command: list, log: Path, uid: int | None = None) -> int:
    """Start a server in a session of its own, output appended to `log`; gives its pid."""
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   start_new_session=True, cwd="/", env=clean_env(), umask=0o077, **as_user(uid))
        process.returncode = 0  # it outlives us on purpose: no warning about that
        return process.pid
    finally:
        os.close(out)


# Processes ---------------------------------------------------------------------------------------

def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third on, or None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return None


def start_mark(pid: int) -> str | None:
    """When the process started, in a form that tells a recycled pid apart; None if it does not run."""
    if LINUX:
        fields = _stat(pid)
        if not fields or fields[0] in "ZX":
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return f"{boot}-{fields[19]}"
    seen = run(["ps", "-o", "stat=,lstart=", "-p", pid]).stdout.split(None, 1)
    return None if len(seen) < 2 or seen[0].startswith("Z") else seen[1].strip()


def runs(pid: int | None, mark: str | None) -> bool:
    """Whether the process that had this pid and start mark still runs."""
    return bool(pid and mark) and start_mark(pid) == mark


def send(pid: int, mark: str | None, number: int) -> None:
    """Signal a process, only if it is still the one that was meant."""
    if runs(pid, mark):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def wait_gone(processes: list[tuple], seconds: float) -> bool:
    """Wait until none of the (pid, mark) pairs runs any more."""
    end = time.monotonic() + seconds
    while any(runs(pid, mark) for pid, mark in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def children(pid: int) -> list[tuple]:
    """(pid, mark) of the process's direct children."""
    if LINUX:
        pairs = ((int(name), _stat(int(name))) for name in os.listdir("/proc") if name.isdigit())
        found = [child for child, fields in pairs if fields and fields[1] == str(pid)]
    else:
        rows = (line.split() for line in run(["ps", "-axo", "pid=,ppid="]).stdout.splitlines())
        found = [int(row[0]) for row in rows if row[1] == str(pid)]
    return [(child, start_mark(child)) for child in found]


@contextlib.contextmanager
def acting_as(uid: int):
    """Be another user for a while. Root in a container may signal the processes of other users,
    but often not see where they work (no CAP_SYS_PTRACE); their own user may."""
    switch = as_user(uid) if os.geteuid() == 0 else {}
    own_group = os.getegid()
    try:
        if switch:
            os.setegid(switch["group"])
            os.seteuid(uid)
        yield
    finally:
        if switch:
            os.seteuid(0)
            os.setegid(own_group)


def postgres_in(data: Path) -> list[tuple]:
    """(pid, mark) of every PostgreSQL process that works in the data folder (Linux; elsewhere none)."""
    found = []
    with acting_as(os.stat(data).st_uid):
        for name in filter(str.isdigit, os.listdir("/proc")) if LINUX else ():
            try:
                if (os.readlink(f"/proc/{name}/cwd") == str(data)
                        and Path(f"/proc/{name}/comm").read_text().startswith("postgres")):
                    found.append((int(name), start_mark(int(name))))
            except OSError:
                continue
    return found


def kill_all(processes: list[tuple]) -> None:
    """SIGKILL each, and wait until they are gone."""
    for pid, mark in processes:
        send(pid, mark, signal.SIGKILL)
    if not wait_gone(processes, 15):
        raise Fail("a killed process does not end", "look at it with ps, it may wait for the disk")


# Ports and files ---------------------------------------------------------------------------------

def port_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise


def choose_port(used: set) -> int:
    """A free port below the range for outgoing connections.

    Inside that range, a client that keeps trying to reconnect to a stopped server would one day be
    given the server's port as its own and connect to itself, and the server could not start again.
    """
    first = 32768
    if LINUX:
        try:
            first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        except (OSError, ValueError):
            pass
    below = range(15000, first) if first > 16000 else range(61000, 65535)
    for port in random.SystemRandom().sample(below, 200):
        if port not in used and port_free(port):
            return port
    raise Fail("no free loopback port was found", "end some servers on this machine and try again")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)


def read_json(path: Path) -> dict:
    """The state file's contents; an absent file is an empty state."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(state, dict):
            return state
    except FileNotFoundError:
        return {}
    except ValueError:
        pass
    raise Fail(f"{path} is damaged", "end the servers by hand, delete that folder and run `servers up`")


def log_size(log: Path) -> int:
    """Where the next line of a log will be written."""
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, since: int, lines: int = 5) -> list[str]:
    """The last lines that were written to a log after the byte `since`."""
    try:
        with open(log, "rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
