"""The files beside a bundle, for tools: how it was built, and that it passed.

Two in-toto Statements v1 whose subjects are the bundle and the model in it: one with SLSA
provenance v1, one with an in-toto test result v0.1. They are not signed; cosign, or any other
signer of in-toto statements, wraps them as they are. No time is in them but SOURCE_DATE_EPOCH.

Sources: in-toto/attestation, spec/v1/statement.md, spec/predicates/provenance.md and
test-result.md.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import rnnlite_pipeline
from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.files import source_date_epoch
from rnnlite_pipeline.release.ci import Builder, builder
from rnnlite_pipeline.release.digests import sha256
from rnnlite_pipeline.release.lock import lock_bytes

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"

#: What `externalParameters` mean: `config`, the normalized config, and `pipeline`, the normalized
#: pipeline, as `rnnlite package` takes them. `internalParameters` hold the Python that ran it.
BUILD_TYPE = "urn:rnnlite:package:1"

#: Who built it where no CI says that it did (`ci.py`): this program, where it was called; nobody
#: vouches for the machine.
BUILDER = "urn:rnnlite:local"

#: The name of the dependency that a CI tells: the repository and its commit.
REPOSITORY = "repository"

#: The last second that fits a time of four digits for the year.
_LAST_SECOND = 253402300799


def provenance(
    config: Config, pipeline: Pipeline, lock: Mapping[str, str], files: Mapping[str, bytes]
) -> dict[str, Any]:
    """The statement of how a bundle was built.

    Args:
        config: The model's config.
        pipeline: Its pipeline.
        lock: The inputs of the build. Its file in the bundle is identified by its digest: it holds
            what the model computes (model.semantic) too, and is the one checked in beside the
            config where the build matches that.
        files: The subjects by name.
    """
    details: dict[str, Any] = {
        "builder": {"id": BUILDER, "version": {"rnnlite": rnnlite_pipeline.__version__}},
        "byproducts": [_resource("lock.json", lock_bytes(lock))],
    }
    ci = builder()
    if ci:
        details["builder"]["id"] = ci.id
        details["metadata"] = {"invocationId": ci.invocation}
    if moment := _moment():
        details.setdefault("metadata", {}).update(startedOn=moment, finishedOn=moment)
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "config": config.normalized(),
            "pipeline": pipeline.normalized(),
        },
        "internalParameters": {
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **({"workflow": ci.workflow} if ci and ci.workflow else {}),
        },
        "resolvedDependencies": [*dependencies(lock), *(_repository(ci) if ci else ())],
    }
    return _statement(files, PROVENANCE, {"buildDefinition": definition, "runDetails": details})


def test_result(
    verification: Mapping[str, Any], files: Mapping[str, bytes], evidence: Mapping[str, bytes]
) -> dict[str, Any]:
    """The statement that a model passed.

    Args:
        verification: The content of verification.json.
        files: The subjects by name.
        evidence: The files the tests were configured by or reported in, by name.
    """
    passed: list[str] = []
    failed: list[str] = []
    for check in verification.get("checks", ()):
        (passed if check.get("passed") is True else failed).append(_test_name(check))
    predicate = {
        "result": "PASSED" if verification.get("passed") is True else "FAILED",
        "configuration": [_resource(name, evidence[name]) for name in sorted(evidence)],
        "passedTests": passed,
        "warnedTests": [],
        "failedTests": failed,
    }
    return _statement(files, TEST_RESULT, predicate)


def _statement(
    files: Mapping[str, bytes], kind: str, predicate: Mapping[str, Any]
) -> dict[str, Any]:
    subject = [_resource(name, files[name]) for name in sorted(files)]
    return {
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": kind,
        "predicate": dict(predicate),
    }


def _resource(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256(content)}}


def dependencies(lock: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a release was built from, by its lock: files by digest, packages by package URL."""
    files = [
        {"name": key, "digest": {"sha256": value}}
        for key, value in sorted(lock.items())
        if key == "source" or key.startswith(("data.", "metadata.", "package."))
    ]
    packages = [
        {"name": name, "uri": f"pkg:pypi/{name}@{quote(lock[f'toolchain.{name}'])}"}
        for name in sorted(_packages(lock))
    ]
    return files + packages


def _repository(ci: Builder) -> list[dict[str, Any]]:
    return [{"name": REPOSITORY, "uri": ci.repository, "digest": {"gitCommit": ci.commit}}]


def _packages(lock: Mapping[str, str]) -> Sequence[str]:
    return [key.removeprefix("toolchain.") for key in lock if key.startswith("toolchain.")]


def _test_name(check: Mapping[str, Any]) -> str:
    """A check's name with what distinguishes it from others of that name."""
    keys = ("output", "data", "kernels", "call")
    where = ", ".join(f"{key} {check[key]}" for key in keys if key in check)
    return f"{check['name']} ({where})" if where else str(check["name"])


def _moment() -> str:
    """SOURCE_DATE_EPOCH as RFC 3339; empty where it is not set."""
    epoch = source_date_epoch()
    if epoch is None:
        return ""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(epoch, _LAST_SECOND)))
