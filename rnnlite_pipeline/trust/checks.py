"""What `verify-bundle` checks beside the signature: digests, statements, lock, a new build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import FIRST_MOMENT
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.release.digests import sha256, sums
from rnnlite_pipeline.release.lock import check_locks, read_lock
from rnnlite_pipeline.release.semantic import semantic_digest
from rnnlite_pipeline.release.statements import (
    PROVENANCE,
    REPOSITORY,
    STATEMENT,
    TEST_RESULT,
    dependencies,
)
from rnnlite_pipeline.trust.files import Bundle


def check_digests(bundle: Bundle) -> None:
    """The bundle is the one of NAME.zip.sha256, and each file in it the one of its manifest.

    Raises:
        StageError: One is not, or the manifest names other files than there are.
    """
    content = bundle.path.read_bytes()
    if bundle.beside[f"{bundle.path.name}.sha256"] != sums({bundle.path.name: content}):
        raise _differs(bundle, f"is not the bundle of {bundle.path.name}.sha256")
    manifest = _json(bundle, "manifest.json")
    files = manifest.get("files")
    own = {n: c for n, c in bundle.members.items() if n not in ("manifest.json", "SHA256SUMS")}
    found = [{"path": n, "sha256": sha256(own[n]), "size": len(own[n])} for n in sorted(own)]
    if files != found:
        raise _differs(bundle, "holds other files than its manifest.json says")
    rest = {name: c for name, c in bundle.members.items() if name != "SHA256SUMS"}
    if bundle.members.get("SHA256SUMS") != sums(rest):
        raise _differs(bundle, "holds other files than its SHA256SUMS says")


def check_statements(bundle: Bundle) -> None:
    """Both statements are about this bundle and this model, and agree with what is in it.

    Raises:
        StageError: A statement is about another file, or contradicts the bundle.
    """
    provenance = _statement(bundle, "provenance", PROVENANCE)
    definition = provenance["buildDefinition"]
    config = yaml.safe_load(bundle.members["config.yaml"])
    if definition["externalParameters"]["config"] != config:
        raise _differs(bundle, "was built from another config than its provenance says")
    products = {each["name"]: each["digest"] for each in provenance["runDetails"]["byproducts"]}
    if products.get("lock.json") != {"sha256": sha256(bundle.members["lock.json"])}:
        raise _differs(bundle, "holds another lock than its provenance says")
    from_lock = dependencies(_json(bundle, "lock.json"))
    if [d for d in definition["resolvedDependencies"] if d["name"] != REPOSITORY] != from_lock:
        raise _differs(bundle, "was built from other files or packages than its provenance says")
    result = _statement(bundle, "test-result", TEST_RESULT)
    if result.get("result") != "PASSED" or result.get("failedTests"):
        raise _differs(bundle, "did not pass, by its test result")
    told = {each["name"]: each["digest"] for each in result["configuration"]}
    for name in ("config.yaml", "verification.json"):
        if told.get(name) != {"sha256": sha256(bundle.members[name])}:
            raise _differs(bundle, f"holds another {name} than its test result says")


def check_lock(bundle: Bundle, checked_in: Path | None) -> None:
    """The model is the one of the lock in the bundle, and of one that is checked in.

    Raises:
        StageError: It is not; every difference is named.
    """
    model = bundle.members["model.tflite"]
    lock = _json(bundle, "lock.json")
    if lock.get("model.sha256") != sha256(model):
        raise _differs(bundle, "holds another model than its lock says")
    if lock.get("model.semantic") != semantic_digest(read_model(model)):
        raise _differs(bundle, "has a model that does not compute what its lock says")
    verification = _json(bundle, "verification.json")
    passed = verification.get("passed") is True
    if not passed or verification.get("model_sha256") != sha256(model):
        raise _differs(bundle, "holds a model that is not the one that was verified")
    if checked_in:
        check_locks([(checked_in, read_lock(checked_in), lock)])


def different_members(bundle: Bundle, again: Bundle) -> list[str]:
    """The files that differ between two bundles, by name; empty where the zips are the same."""
    if bundle.path.read_bytes() == again.path.read_bytes():
        return []
    names = sorted({*bundle.members, *again.members})
    changed = [n for n in names if bundle.members.get(n) != again.members.get(n)]
    return changed or ["the zip itself (times or order)"]


def epoch_of(bundle: Bundle) -> int | None:
    """SOURCE_DATE_EPOCH that gives the members of a bundle their time; None for 1980.

    Raises:
        StageError: That is no time.
    """
    if bundle.moment == FIRST_MOMENT:
        return None
    try:
        return int(datetime(*bundle.moment, tzinfo=UTC).timestamp())
    except ValueError:
        raise _differs(bundle, "carries a time that no calendar has") from None


def _statement(bundle: Bundle, kind: str, predicate: str) -> Mapping[str, Any]:
    name = f"{bundle.path.stem}.{kind}.json"
    try:
        told = json.loads(bundle.beside[name])
        subjects = {each["name"]: each["digest"]["sha256"] for each in told["subject"]}
        right = told["_type"] == STATEMENT and told["predicateType"] == predicate
        inside: Mapping[str, Any] = told["predicate"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _differs(bundle, f"has the statement {name}, which is none") from None
    about = {
        bundle.path.name: sha256(bundle.path.read_bytes()),
        "model.tflite": sha256(bundle.members["model.tflite"]),
    }
    if not right or subjects != about:
        raise _differs(bundle, f"is not what {name} is about")
    return inside


def _json(bundle: Bundle, name: str) -> dict[str, Any]:
    try:
        told = json.loads(bundle.members[name])
    except (KeyError, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise _differs(bundle, f"holds no {name} as rnnlite writes it")
    return told


def _differs(bundle: Bundle, what: str) -> StageError:
    return StageError(f"{bundle.path} {what}.", "Do not use it; fetch or build it again.")


def checks(bundle: Bundle, lock: Path | None) -> Iterator[str]:
    """Does them all, and names each once it is done.

    Raises:
        StageError: One failed.
    """
    try:
        check_digests(bundle)
        yield "digests"
        check_statements(bundle)
        yield "statements"
        check_lock(bundle, lock)
        yield f"lock {lock}" if lock else "lock"
    except (KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise _differs(bundle, f"is not as rnnlite writes releases ({error})") from None
