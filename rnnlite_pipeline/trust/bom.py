"""`rnnlite bom`: the bill of materials of a release, CycloneDX 1.6 with a model card.

The facts are those of the bundle, which was checked: digests, figures of verification.json, the
inputs of the build. The package `cyclonedx-python-lib` writes the document and checks it against
the schema; it has no model cards yet, so the card is added to its JSON before that check. Equal
bundles give equal bytes: there is no time in it, and its serial number follows from the bundle's
digest.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import yaml

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.release.digests import json_bytes, sha256
from rnnlite_pipeline.trust.files import Bundle

_INSTALL = "Run `pip install rnnlite[trust]`."


def bill_of_materials(bundle: Bundle) -> bytes:
    """The document, as the file NAME.cdx.json.

    Raises:
        CallError: `cyclonedx-python-lib` is not installed.
        StageError: The document does not hold to the schema.
    """
    try:
        from cyclonedx.model import HashAlgorithm, HashType, Property
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
        from packageurl import PackageURL
    except ImportError:
        raise CallError("cyclonedx-python-lib is not installed.", _INSTALL) from None

    def component(name: str, kind: Any, digest: str = "", **more: Any) -> Any:
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else []
        return Component(
            name=name, type=kind, hashes=hashes, bom_ref=f"{kind.value}:{name}", **more
        )

    config = yaml.safe_load(bundle.members["config.yaml"])
    lock = json.loads(bundle.members["lock.json"])
    model = component(
        config["name"],
        ComponentType.MACHINE_LEARNING_MODEL,
        sha256(bundle.members["model.tflite"]),
        version=config["version"],
        description=(config.get("metadata") or {}).get("description"),
        properties=[Property(name=f"rnnlite:{k}", value=v) for k, v in sorted(_facts(bundle))],
    )
    data = [
        component(key, ComponentType.DATA, value)
        for key, value in sorted(lock.items())
        if key == "source" or key.startswith(("data.", "metadata.", "package."))
    ]
    packages = [
        component(
            name,
            ComponentType.LIBRARY,
            version=version,
            purl=PackageURL.from_string(f"pkg:pypi/{name}@{quote(version)}"),
        )
        for name, version in _packages(lock)
    ]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{sha256(bundle.path.read_bytes())}"),
        components=[*data, *packages],
    )
    bom.metadata.component = model
    bom.register_dependency(model, [*data, *packages])
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    told["metadata"].pop("timestamp", None)
    told["metadata"]["component"]["modelCard"] = _card(config, bundle)
    content = json_bytes(told)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()):
        raise StageError(f"The bill of materials of {bundle.path} is not CycloneDX: {wrong}")
    return content


def _facts(bundle: Bundle) -> Iterator[tuple[str, str]]:
    verification = json.loads(bundle.members["verification.json"])
    lock = json.loads(bundle.members["lock.json"])
    yield "bundle.sha256", sha256(bundle.path.read_bytes())
    yield "model.bytes", str(len(bundle.members["model.tflite"]))
    yield "model.semantic", lock["model.semantic"]
    for key in ("max_abs_error", "tolerance"):
        if key in verification:
            yield f"verification.{key}", str(verification[key])


def _packages(lock: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, version in sorted(lock.items()):
        name = key.removeprefix("toolchain.")
        if name != key and version != "not installed":
            yield name, version


def _card(config: Mapping[str, Any], bundle: Bundle) -> dict[str, Any]:
    from rnnlite_pipeline.graph.edit import ports
    from rnnlite_pipeline.graph.read import read_model

    verification = json.loads(bundle.members["verification.json"])
    graph = read_model(bundle.members["model.tflite"])
    sides = {
        side: [{"format": f"{name}: {tensor.dtype}"} for name, tensor in ports(graph, side)]
        for side in ("inputs", "outputs")
    }
    metrics = [
        {"type": "max_abs_error against the source", "value": str(verification["max_abs_error"])}
        for _ in range("max_abs_error" in verification)
    ]
    for each in verification.get("accuracy", ()):
        kind = f"accuracy of {each['output']} on {each['samples']} samples"
        metrics.append({"type": kind, "value": str(each["litert"])})
    ops = sorted({op.code for subgraph in graph.subgraphs for op in subgraph.ops})
    card: dict[str, Any] = {
        "modelParameters": {
            "task": config.get("annotations", {}).get("task", "not said"),
            "architectureFamily": "recurrent neural network",
            "modelArchitecture": ", ".join(ops) or "no ops",
            **{side: each for side, each in sides.items() if each},
        }
    }
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card
