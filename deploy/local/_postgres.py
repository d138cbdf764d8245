"""PostgreSQL for `servers`: data folder, roles, start, and what is left after a crash."""
from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import _binaries
from _home import Home
from _system import (LINUX, Fail, children, clean_env, kill_all, log_size, postgres_in, run, start_mark, wait_gone,
                     write_private)

ROLES_SQL = Path(__file__).resolve().parents[1] / "postgres" / "roles.sql"
ROLES = ("tradeup_admin", "tradeup_owner", "tradeup_app")
# What each service and the operators' command log in as. On one person's machine they share tradeup_app's password.
SERVICE_ROLES = tuple(f"tradeup_{name}" for name in ("scheduler", "credits", "webhooks", "agents", "console", "cli"))
# A service uses up to ten connections, a test up to five services, and the tests run several at a time.
SETTINGS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "800",
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
    "shared_buffers": "256MB", "max_wal_size": "2GB", "track_commit_timestamp": "on",
    "timezone": "UTC", "log_timezone": "UTC",
}


def up(home: Home) -> bool:
    """Make PostgreSQL run and answer; tells whether it was started now."""
    since, fresh = log_size(home.log("postgres")), not home.running("postgres")
    if fresh:
        uid = server_user()
        known = home.state.get("postgres") or new_state(home, uid)
        data = Path(known["data"])
        version_file = data / "PG_VERSION"
        programs = _binaries.find_postgres(uid, int(version_file.read_text()) if version_file.exists() else None)
        known.update(version=programs.version, bin=str(programs.bin), psql=programs.psql)
        if not version_file.exists():
            if "roles_sql" in known:
                raise Fail(f"PostgreSQL's data folder {data} is gone", "start anew: servers down --wipe; servers up")
            home.state["postgres"] = known
            home.save()
            init(home, programs, uid)
        clear_remains(home)
        home.start("postgres", [programs.bin / "postgres", "-D", data, "-p", known["port"]], uid)
    home.wait_ready("postgres", lambda: psql(home, "select 1")[1], since)
    set_up_database(home)
    return fresh


def new_state(home: Home, uid: int | None) -> dict:
    """What a new folder will have: port, passwords, and where the data will lie."""
    data = choose_data(home, uid)
    if data.exists():
        raise Fail(f"{data} exists, but {home.state_file} does not know it", "move that folder away or delete it")
    return {"port": home.new_port(), "data": str(data), "passwords": {role: secrets.token_hex(16) for role in ROLES}}


def server_user() -> int | None:
    """The user to run PostgreSQL as: ourselves (None), or for root `nobody`."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        raise Fail("PostgreSQL refuses to run as root and there is no user `nobody`",
                   "add that user, or run this as an ordinary user") from None


def possible_data(home: Home) -> tuple[Path, Path]:
    """Where the data may lie: in DIR, or where root's DIR is closed to other users, in /var/tmp."""
    mark = hashlib.sha256(str(home.dir).encode()).hexdigest()[:8]
    return home.dir / "postgres", Path(os.path.realpath("/var/tmp"), f"tradeup-local-{mark}")


def choose_data(home: Home, uid: int | None) -> Path:
    """DIR/postgres, if the user that runs PostgreSQL can really get there."""
    inside, outside = possible_data(home)
    try:
        reached = uid is None or run(["/bin/sh", "-c", 'cd -- "$1"', "sh", home.dir], uid).returncode == 0
    except (OSError, subprocess.SubprocessError) as error:
        raise Fail(f"root cannot start a program as user {uid} here ({error})",
                   "run this as an ordinary user") from None
    return inside if reached else outside


def init(home: Home, programs: _binaries.Postgres, uid: int | None) -> None:
    """Make the data folder: under a temporary name first, so that half of one is never used."""
    known, data = home.state["postgres"], Path(home.state["postgres"]["data"])
    for left in data.parent.glob(f"{data.name}.initdb-*"):  # of an interrupted run
        shutil.rmtree(left, ignore_errors=True)
    provider = (["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
                if _binaries.number(programs.version)[0] >= 17 else [])  # PostgreSQL 16: plain C
    with tempfile.TemporaryDirectory(prefix=f"{data.name}.initdb-", dir=data.parent) as temporary:
        password = Path(temporary, "password")
        write_private(password, known["passwords"]["tradeup_admin"] + "\n")
        if uid is not None:
            os.chown(password, uid, -1)
            os.chown(temporary, uid, -1)
        done = run([programs.bin / "initdb", "-D", Path(temporary, "data"), "--encoding=UTF8", "--locale=C", *provider,
                    "-U", "tradeup_admin", "--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums",
                    *(f"--set={key}={value}" for key, value in SETTINGS.items())], uid, timeout=300)
        if done.returncode != 0:
            raise Fail("initdb could not make PostgreSQL's data folder", "its last lines tell why:",
                       (done.stdout + done.stderr).splitlines()[-5:])
        os.rename(Path(temporary, "data"), data)


def psql(home: Home, statements: str, database: str = "postgres", whole: bool = False) -> tuple:
    """Run SQL as superuser over TCP; gives (what was printed, None) or ("", the complaint)."""
    known = home.state["postgres"]
    if not os.access(known["psql"], os.X_OK):
        known["psql"] = _binaries.find_psql(Path(known["bin"]))
    # SQL goes in by standard input: an argument, and with it a password, would be seen in ps.
    done = run([known["psql"], "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                *(["--single-transaction"] if whole else []), "-f", "-", "-d",
                f"host=127.0.0.1 port={known['port']} user=tradeup_admin dbname={database} connect_timeout=5"],
               input=statements, env=clean_env(PGPASSWORD=known["passwords"]["tradeup_admin"],
                                               PGOPTIONS="-c client_min_messages=warning"))
    if done.returncode == 0:
        return done.stdout.strip(), None
    return "", " ".join(done.stderr.split()) or f"psql ended with {done.returncode}"


def set_up_database(home: Home) -> None:
    """Database, roles and passwords: at the first start, and again when roles.sql has changed."""
    def sql(statements: str, **options) -> str:
        printed, complaint = psql(home, statements, **options)
        if complaint:
            raise Fail(f"PostgreSQL refused: {complaint}", f"look at {home.log('postgres')}")
        return printed

    known, now = home.state["postgres"], hashlib.sha256(ROLES_SQL.read_bytes()).hexdigest()
    if known.get("roles_sql") == now:
        return
    if not sql("select 1 from pg_database where datname = 'tradeup'"):
        sql("create database tradeup")
    sql(ROLES_SQL.read_text(), database="tradeup", whole=True)
    for role in ("tradeup_owner", "tradeup_app"):
        sql(f"alter role {role} password '{known['passwords'][role]}'")
    for role in SERVICE_ROLES:
        sql(f"alter role {role} password '{known['passwords']['tradeup_app']}'")
    known["roles_sql"] = now
    home.save()


def clear_remains(home: Home) -> None:
    """After a crash: end processes whose postmaster is dead, and drop its pid file.

    The caller knows that the postmaster in our state does not run. The pid file can still name a live
    one (somebody started it by hand on this folder): then nothing is touched.
    """
    data = Path(home.state["postgres"]["data"])
    pid_file, alive = data / "postmaster.pid", postgres_in(data)
    try:
        noted = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        noted = 0
    if noted in [pid for pid, _ in alive]:
        raise Fail(f"a PostgreSQL that this program did not start runs on {data} (pid {noted})",
                   f"stop it with: kill -INT {noted}")
    if not wait_gone(alive, 1):
        kill_all(alive)
    # On Linux postgres_in() has looked closely; elsewhere only a pid that nobody has counts as dead.
    if noted and (LINUX or start_mark(noted) is None):
        pid_file.unlink(missing_ok=True)


def kill(home: Home) -> None:
    """SIGKILL the postmaster, then its children, so that the shared memory is free."""
    known = home.state["postgres"]
    family = children(known["pid"])
    kill_all([(known["pid"], known["start"])])
    kill_all(family + postgres_in(Path(known["data"])))
    clear_remains(home)


def wipe(home: Home) -> None:
    """Delete the data, wherever they lie."""
    data = Path(home.state["postgres"]["data"])
    if data not in possible_data(home):
        raise Fail(f"{home.state_file} names {data} as data folder, which is not one of this program's",
                   "delete what you do not need by hand")
    if data.exists():
        clear_remains(home)
    for folder in [data, *data.parent.glob(f"{data.name}.initdb-*")]:
        if folder.exists():
            shutil.rmtree(folder)
