"""The bill of materials of a release."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

pytest.importorskip("cyclonedx", reason="the extra `trust` is not installed")

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.release.digests import json_bytes, sha256
from rnnlite_pipeline.trust.bom import bill_of_materials
from rnnlite_pipeline.trust.files import Bundle
from tests.trust.conftest import changed


def _told(bundle: Bundle) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bill_of_materials(bundle))
    return told


def _model() -> bytes:
    """y = x + x, x and y [N, 3]."""
    x, y = (Tensor(name, "FLOAT32", (-1, 3)) for name in "xy")
    main = Subgraph("main", [x], [y], [make_op("ADD", [x, x], [y])])
    return write_model(Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})]))


def test_equal_releases_have_equal_bills(bundle: Bundle) -> None:
    """Without a time; the serial number follows from the bundle, and so differs for another one."""
    content = bill_of_materials(bundle)
    assert bill_of_materials(bundle) == content
    first = json.loads(content)
    assert "timestamp" not in first["metadata"]
    bundle.path.write_bytes(bundle.path.read_bytes() + b"more")
    assert _told(bundle)["serialNumber"] != first["serialNumber"]


def test_the_model_and_what_it_was_built_from(bundle: Bundle) -> None:
    """Digests of the model and each file, and the packages with their versions."""
    told = _told(bundle)
    model = told["metadata"]["component"]
    assert (model["name"], model["version"]) == ("digits", "1.2.0")
    assert model["hashes"] == [
        {"alg": "SHA-256", "content": sha256(bundle.members["model.tflite"])}
    ]
    lock = json.loads(bundle.members["lock.json"])
    parts = {each["name"]: each for each in told["components"]}
    assert parts["source"]["hashes"][0]["content"] == lock["source"]
    assert parts["package.notes/read me.md"]["type"] == "data"
    numpy = parts["numpy"]
    assert numpy["purl"] == f"pkg:pypi/numpy@{lock['toolchain.numpy']}"
    (of_model,) = (d for d in told["dependencies"] if d["ref"] == model["bom-ref"])
    assert len(of_model["dependsOn"]) == len(parts)


def _lock(members: dict[str, bytes], **told: str) -> None:
    members["lock.json"] = json_bytes(json.loads(members["lock.json"]) | told)


def test_a_package_that_is_not_installed_is_no_part(bundle: Bundle) -> None:
    """A version with `+` is quoted in its URL."""
    other = changed(
        bundle, lambda m: _lock(m, **{"toolchain.jax": "not installed", "toolchain.own": "1+cpu"})
    )
    parts = {each["name"]: each for each in _told(other)["components"]}
    assert "jax" not in parts
    assert parts["own"]["purl"] == "pkg:pypi/own@1%2Bcpu"
    assert parts["own"]["version"] == "1+cpu"


def _verification(members: dict[str, bytes], **told: object) -> None:
    members["verification.json"] = json_bytes(json.loads(members["verification.json"]) | told)


@pytest.mark.parametrize(
    ("change", "metrics"),
    [
        (lambda _: None, []),
        (
            lambda m: _verification(m, max_abs_error=1e-7),
            [{"type": "max_abs_error against the source", "value": "1e-07"}],
        ),
        (
            lambda m: _verification(
                m, accuracy=[{"output": "y", "samples": 10, "litert": 0.5, "source": 0.6}]
            ),
            [{"type": "accuracy of y on 10 samples", "value": "0.5"}],
        ),
    ],
)
def test_the_figures_of_the_model_card(
    bundle: Bundle,
    change: Callable[[dict[str, bytes]], object],
    metrics: list[dict[str, str]],
) -> None:
    """What was measured; where nothing was, there is no such part."""
    card = _told(changed(bundle, change))["metadata"]["component"]["modelCard"]
    assert card.get("quantitativeAnalysis", {}).get("performanceMetrics", []) == metrics


def test_the_graph_in_the_model_card(bundle: Bundle) -> None:
    """Its ops, and its inputs and outputs by name and type."""
    parameters = _card(bundle)
    assert parameters["modelArchitecture"] == "no ops"
    assert "inputs" not in parameters
    parameters = _card(changed(bundle, lambda m: m.update({"model.tflite": _model()})))
    assert parameters["modelArchitecture"] == "ADD"
    assert parameters["inputs"] == [{"format": "x: FLOAT32"}]
    assert parameters["outputs"] == [{"format": "y: FLOAT32"}]


def _card(bundle: Bundle) -> dict[str, Any]:
    card: dict[str, Any] = _told(bundle)["metadata"]["component"]["modelCard"]["modelParameters"]
    return card


def _config(members: dict[str, bytes], more: bytes) -> None:
    members["config.yaml"] = b"name: digits\nversion: 1.2.0\n" + more


def test_what_the_config_says_of_the_model(bundle: Bundle) -> None:
    """Its description and its task; neither is needed."""
    text = "metadata: {description: é digits}\nannotations: {task: classification}\n".encode()
    told = _told(changed(bundle, lambda m: _config(m, text)))["metadata"]["component"]
    assert told["description"] == "é digits"
    assert told["modelCard"]["modelParameters"]["task"] == "classification"
    for more in (b"", b"metadata: null\n"):
        plain = _told(changed(bundle, partial(_config, more=more)))
        assert "description" not in plain["metadata"]["component"]
        card = plain["metadata"]["component"]["modelCard"]
        assert card["modelParameters"]["task"] == "not said"
