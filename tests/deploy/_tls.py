"""That nothing of ours speaks to PostgreSQL, NATS or a mail server in the clear, or without asking who that is."""
from __future__ import annotations

import os
import re
import ssl
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import _tools
from _code import REPO


def lacking(variable: str, value: str) -> list[str]:
    """What a URL of ours lacks, by the variable that it is given as."""
    wrong = []
    if variable.endswith("DATABASE_URL"):
        asked = parse_qs(urlsplit(value).query)
        if asked.get("sslmode") != ["verify-full"] or not asked.get("sslrootcert"):
            wrong.append(f"{variable} does not demand TLS and the right certificate (sslmode=verify-full, sslrootcert)")
    elif variable.endswith("NATS_URL"):
        for one in value.split(","):
            if not one.startswith("tls://") or not parse_qs(urlsplit(one).query).get("ca"):
                wrong.append(f"{variable} does not demand TLS, or does not say by which authority (tls://, ca)")
    elif variable.endswith("SMTP_URL") and "tls=none" in value:
        wrong.append(f"{variable} has mails go in the clear")
    return wrong


def authorities(value: str) -> set[str]:
    """The files of authorities that a URL names."""
    return {file for one in value.split(",") for name in ("sslrootcert", "ca")
            for file in parse_qs(urlsplit(one).query).get(name, [])}


def hosts(value: str) -> set[str]:
    """The hosts that a URL names."""
    return {urlsplit(one).hostname or "" for one in value.split(",")}


def compose(services: dict, made: dict[str, str]) -> list[str]:
    """What has to hold of the servers of docker-compose.yml, of their certificates, and of the URLs in the secrets."""
    wrong = [f"secret {file}: {what}" for file, value in made.items()
             for what in lacking(file.upper().replace("_CLUSTER", ""), value)]
    command = services["certificates"]["command"]
    names = dict(part.split("=", 1) for part in command if not part.startswith("--") and "=" in part)
    volumes = dict(volume.split(":")[:2] for volume in services["certificates"]["volumes"])
    certified = certified_names(services, names, volumes)
    for server, service in services.items():
        mine = [volume.split(":") for volume in service.get("volumes", []) if volume.split(":")[0] in volumes]
        if server == "certificates":
            continue
        for name, target, *_ in mine:
            if name == "tls-authority":
                wrong.append(f"{server} sees the key of the authority")
            elif name != "tls-ca" and server not in names.get(volumes[name], "").split(","):
                wrong.append(f"{server} has a certificate that is not for it")
            if target != "/run/tls":
                wrong.append(f"{server} looks for certificates elsewhere")
        for variable, value in service.get("environment", {}).items():
            if not re.search(r"(DATABASE|NATS)_URL_FILE$", variable):
                continue
            # Both addresses of NATS, of which a setting takes one.
            secrets = [re.sub(r"\$\{[^}]*\}", form, str(value).rpartition("/")[2]) for form in ("nats_url", "nats_cluster_url")]
            for secret in dict.fromkeys(secrets):
                url = made.get(secret, "")
                seen = {f"{target}/ca.pem" for _, target, *_ in mine}
                wrong += [f"{server}: {file} is not mounted" for file in sorted(authorities(url) - seen)]
                wrong += [f"{server}: {host} has no certificate" for host in sorted(hosts(url) - certified)]
    return wrong + _postgres(services) + _nats() + _mail(services)


def certified_names(services: dict, names: dict, volumes: dict) -> set[str]:
    """Containers that have a certificate for their own name."""
    return {server for server, service in services.items() if server != "certificates"
            for volume in service.get("volumes", []) if server in names.get(volumes.get(volume.split(":")[0], ""), "").split(",")}


def _postgres(services) -> list[str]:
    command = services["postgres"]["command"]
    wrong = [f"postgres: {part} is missing" for part in ("ssl=on", "hba_file=/etc/tradeup/pg_hba.conf") if part not in command]
    lines = (REPO / "deploy/postgres/pg_hba.conf").read_text(encoding="utf-8").splitlines()
    kinds = {line.split()[0] for line in lines if line and not line.startswith("#")}
    if kinds != {"local", "hostssl"}:
        wrong.append("pg_hba.conf lets somebody in by a network in the clear")
    uri = services["postgres-exporter"]["environment"]["DATA_SOURCE_URI"]
    return wrong + [f"postgres-exporter: {what}" for what in lacking("DATABASE_URL", f"postgres://{uri}")]


def _nats() -> list[str]:
    common, cluster = ((REPO / f"deploy/nats/{name}.conf").read_text(encoding="utf-8") for name in ("common", "cluster"))
    wrong = []
    if not re.search(r"^tls \{", common, re.M) or re.search(r"allow_non_tls:\s*true", common):
        wrong.append("common.conf: clients may speak in the clear")
    if not re.search(r"^  tls \{[^}]*verify: true", cluster, re.M) or re.search(r'"nats://', cluster):
        wrong.append("cluster.conf: servers speak to each other in the clear")
    return wrong


def _mail(services) -> list[str]:
    said = (REPO / "deploy/compose/env.example").read_text(encoding="utf-8")
    catcher = services["mail"]["environment"]
    wrong = [f"env.example: {what}" for url in re.findall(r"smtps?://\S+", said) for what in lacking("SMTP_URL", url)]
    if catcher.get("MP_SMTP_REQUIRE_STARTTLS") != "true":
        wrong.append("mail: takes mails in the clear")
    return wrong


def kubernetes(overlay, secrets: dict[str, dict[str, str]]) -> list[str]:
    """What has to hold of an overlay. `secrets`: what make-secrets prints, by the names of the Secrets."""
    wrong = []
    certificates = {one["spec"]["secretName"]: set(one["spec"].get("dnsNames", [])) for one in overlay.kind("Certificate")}
    certified = set().union(*certificates.values())
    for one in overlay.kind("Deployment", "Job", "StatefulSet"):
        name, pod = one["metadata"]["name"], one["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume.get("secret", {}) for volume in pod.get("volumes", [])}
        seen = set()
        for mount in pod["containers"][0].get("volumeMounts", []):
            secret = volumes.get(mount["name"], {})
            if secret.get("secretName") in certificates:
                items = secret.get("items", [])
                seen |= {f"{mount['mountPath']}/{item['path']}" for item in items}
                if {item["key"] for item in items} != {"ca.crt"}:
                    wrong.append(f"{name} sees more of {secret['secretName']} than the certificate")
        for variable, value in secrets.get(f"tradeup-{name}", {}).items():
            if not variable.endswith(("DATABASE_URL", "NATS_URL", "SMTP_URL")):
                continue
            wrong += [f"{name}: {what}" for what in lacking(variable, value)]
            wrong += [f"{name}: {file} is not mounted" for file in sorted(authorities(value) - seen)]
            wrong += [f"{name}: {host} has no certificate" for host in sorted(hosts(value) - certified - {""})]
    for cluster in overlay.kind("Cluster"):
        given = cluster["spec"].get("certificates", {})
        if not {given.get("serverTLSSecret"), given.get("serverCASecret")} <= set(certificates):
            wrong.append("Cluster postgres has not the certificate that is made for it")
        if cluster["spec"]["postgresql"].get("pg_hba", [None])[0] != "hostnossl all all all reject":
            wrong.append("Cluster postgres takes connections in the clear")
    return wrong


def nats_values(values: dict, overlay) -> list[str]:
    """What has to hold of the values for NATS's chart."""
    certificates = {one["spec"]["secretName"]: one["spec"]["dnsNames"] for one in overlay.kind("Certificate") if "dnsNames" in one["spec"]}
    tls = {"clients": values["config"].get("nats", {}).get("tls", {}), "servers": values["config"]["cluster"].get("tls", {})}
    wrong = [f"{who} may speak in the clear" for who, one in tls.items() if one.get("enabled") is not True]
    wrong += [f"{who}: nobody makes the certificate" for who, one in tls.items() if one.get("secretName") not in certificates]
    if tls["servers"].get("merge", {}).get("verify") is not True or values.get("tlsCA", {}).get("secretName") not in certificates:
        wrong.append("servers do not ask each other for a certificate")
    if not {"nats", "*.nats-headless"} <= set(certificates.get(tls["clients"].get("secretName"), [])):
        wrong.append("the certificate is not for the servers' names")
    return wrong


def made_certificates(command: list[str]) -> list[str]:
    """What is wrong with the certificates that the container's command makes, at first and again."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        def make(*options: str, authority: str = "") -> dict[str, bytes]:
            arguments = [part.replace("/tls/", f"{folder}/") for part in command]
            _tools.output("deploy/tls/make-certificates", *options, *arguments,
                          env={**os.environ, "TRADEUP_AUTHORITY": authority})
            return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*.*")}

        def changed(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
            return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}

        short = make("--days", "30")
        servers = {name.split("/")[0] for name in short if name.endswith("server.pem")}
        for server in sorted(servers):
            mode = (Path(folder) / server / "server.key").stat().st_mode & 0o777
            if mode != (0o600 if server == "postgres" else 0o444):
                wrong.append(f"the key of {server} has mode {mode:o}")
            try:
                context = ssl.create_default_context(cafile=str(Path(folder) / "ca/ca.pem"))
                context.load_cert_chain(Path(folder) / server / "server.pem", Path(folder) / server / "server.key")
            except ssl.SSLError as error:
                wrong.append(f"certificate and key of {server} do not fit: {error}")
        long = make()
        if changed(short, long) != {f"{server}/server.pem" for server in servers}:
            wrong.append(f"what ends within 60 days is not made anew, or more than that: {changed(short, long)}")
        if again := changed(long, make()):
            wrong.append(f"what lasts is made anew: {again}")
        both = make(authority="exchange")
        if not {"ca/ca.pem", "nats/server.pem"} <= changed(long, both) or both["ca/ca.pem"].count(b"BEGIN") != 2:
            wrong.append("no other authority was made, beside the former one")
        if make(authority="forget")["nats/ca.pem"].count(b"BEGIN") != 1:
            wrong.append("the former authority is not forgotten")
    return wrong
