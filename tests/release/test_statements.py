"""What stands beside a bundle, read by in-toto's own classes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.release.digests import sha256
from tests.release.test_bundle import _lay_out, _package

KINDS = {
    "provenance": "https://slsa.dev/provenance/v1",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
}


def _statement(bundle: Path, kind: str) -> dict[str, Any]:
    path = bundle.with_name(f"{bundle.stem}.{kind}.json")
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_in_toto_accepts_the_statements(tmp_path: Path, kind: str) -> None:
    """The envelope, the subjects and the predicate pass in-toto's own validation."""
    json_format = pytest.importorskip("google.protobuf.json_format")
    pytest.importorskip("in_toto_attestation", reason="in-toto-attestation is not installed")
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement import Statement

    bundle = _package(_lay_out(tmp_path))
    told = _statement(bundle, kind)
    proto = json_format.ParseDict(told, statement_pb2.Statement())
    Statement.copy_from_pb(proto).validate()
    assert told["predicateType"] == KINDS[kind]
    if kind == "provenance":
        read = json_format.ParseDict(told["predicate"], provenance_pb2.Provenance())
        for resource in read.build_definition.resolved_dependencies:
            ResourceDescriptor.copy_from_pb(resource).validate()
        assert read.run_details.builder.version["rnnlite"]
    else:
        result = json_format.ParseDict(told["predicate"], test_result_pb2.TestResult())
        assert result.result == "PASSED"


@pytest.mark.parametrize("kind", KINDS)
def test_the_subjects_are_the_bundle_and_the_model(tmp_path: Path, kind: str) -> None:
    """Each by its digest, so that either file leads to its statements."""
    path = _lay_out(tmp_path)
    bundle = _package(path)
    model = (path.parent / "build" / "digits" / "model.tflite").read_bytes()
    subjects = {
        each["name"]: each["digest"]["sha256"] for each in _statement(bundle, kind)["subject"]
    }
    assert subjects == {
        "digits-1.2.0.zip": sha256(bundle.read_bytes()),
        "model.tflite": sha256(model),
    }


def test_the_build_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Config, the lock's digests and packages; a time only where SOURCE_DATE_EPOCH gives one."""
    path = _lay_out(tmp_path)
    bundle = _package(path)
    told = _statement(bundle, "provenance")["predicate"]
    definition = told["buildDefinition"]
    assert definition["externalParameters"]["config"]["name"] == "digits"
    resolved = {each["name"]: each for each in definition["resolvedDependencies"]}
    assert resolved["source"]["digest"]["sha256"] == sha256(b"a source")
    assert resolved["numpy"]["uri"].startswith("pkg:pypi/numpy@")
    assert "metadata" not in told["runDetails"]
    with zipfile.ZipFile(bundle) as archive:
        lock = archive.read("lock.json")
        model = archive.read("model.tflite")
    assert told["runDetails"]["byproducts"] == [
        {"name": "lock.json", "digest": {"sha256": sha256(lock)}}
    ]
    locked = json.loads(lock)
    assert locked["model.sha256"] == sha256(model)
    digests = {key: value for key, value in locked.items() if key in resolved}
    assert digests == {
        name: each["digest"]["sha256"] for name, each in resolved.items() if "digest" in each
    }
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    told = _statement(_package(path), "provenance")["predicate"]
    assert told["runDetails"]["metadata"]["finishedOn"] == "2023-11-14T22:13:20Z"
