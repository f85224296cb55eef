"""What a release is checked for beside its signature."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import moment_of_release, zip_bytes
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.release.digests import json_bytes, sha256, sums
from rnnlite_pipeline.trust.checks import (
    check_digests,
    check_lock,
    check_statements,
    checks,
    different_members,
    epoch_of,
)
from rnnlite_pipeline.trust.files import Bundle, read_bundle
from tests.trust.conftest import beside, changed, fits

OTHER = write_model(Model([Subgraph("main", inputs=[Tensor("x", "FLOAT32", (1,))])]))


def test_an_honest_release_passes(bundle: Bundle, tmp_path: Path) -> None:
    """Each check is named once it is done; that of a lock of one's own by its file."""
    lock = tmp_path / "digits.lock.json"
    lock.write_bytes(bundle.members["lock.json"])
    assert list(checks(bundle, None)) == ["digests", "statements", "lock"]
    assert list(checks(bundle, lock)) == ["digests", "statements", f"lock {lock}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"model.tflite": b"x"}), "its manifest.json says"),
        (lambda m: m.update({"new": b""}), "its manifest.json says"),
        (lambda m: m.pop("MODEL_CARD.md"), "its manifest.json says"),
        (lambda m: m.pop("manifest.json"), "holds no manifest.json"),
        (lambda m: m.update({"manifest.json": b"[]"}), "holds no manifest.json"),
        (lambda m: m.update({"manifest.json": b"[" * 100_000}), "holds no manifest.json"),
        (lambda m: m.update({"manifest.json": b"{}"}), "its manifest.json says"),
        (lambda m: m.update({"SHA256SUMS": b""}), "its SHA256SUMS says"),
        (lambda m: m.pop("SHA256SUMS"), "its SHA256SUMS says"),
    ],
)
def test_files_that_the_manifest_does_not_say(
    bundle: Bundle, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    """Another content, one more, one less, or no list of them."""
    with pytest.raises(StageError, match=message) as told:
        check_digests(changed(bundle, change))
    assert told.value.remedy == "Do not use it; fetch or build it again."


def test_the_digest_beside_the_zip(bundle: Bundle) -> None:
    """It is that of this zip, under its name."""
    check_digests(bundle)
    digest = sha256(bundle.path.read_bytes())
    for content in (b"", b"0" * 64, f"{digest}  other.zip\n".encode()):
        with pytest.raises(StageError, match=r"is not the bundle of digits-1\.2\.0\.zip\.sha256"):
            check_digests(beside(bundle, ".zip.sha256", content))


def _statement(bundle: Bundle, kind: str, change: Callable[[dict[str, Any]], object]) -> Bundle:
    ending = f".{kind}.json"
    told = json.loads(bundle.beside[f"{bundle.path.stem}{ending}"])
    change(told)
    return beside(bundle, ending, json_bytes(told))


STATEMENTS: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "another kind": ("provenance", lambda s: s.update(predicateType="x"), "is not what"),
    "another type": ("test-result", lambda s: s.update(_type="x"), "is not what"),
    "another bundle": (
        "provenance",
        lambda s: s["subject"][0]["digest"].update(sha256="0" * 64),
        "is not what",
    ),
    "one subject less": ("test-result", lambda s: s["subject"].pop(), "is not what"),
    "one subject more": (
        "provenance",
        lambda s: s["subject"].append({"name": "x", "digest": {"sha256": ""}}),
        "is not what",
    ),
    "no subject": ("provenance", lambda s: s.pop("subject"), "which is none"),
    "a subject that is text": ("provenance", lambda s: s.update(subject=["x"]), "which is none"),
    "another config": (
        "provenance",
        lambda s: _inside(s)["externalParameters"]["config"].update(name="other"),
        "was built from another config",
    ),
    "another lock": (
        "provenance",
        lambda s: s["predicate"]["runDetails"]["byproducts"][0]["digest"].update(sha256=""),
        "holds another lock",
    ),
    "another source": (
        "provenance",
        lambda s: _inside(s)["resolvedDependencies"][-1].update(digest={"sha256": "0" * 64}),
        "other files or packages",
    ),
    "no dependencies": (
        "provenance",
        lambda s: _inside(s).update(resolvedDependencies=[]),
        "other files or packages",
    ),
    "it failed": ("test-result", lambda s: s["predicate"].update(result="FAILED"), "did not pass"),
    "a test failed": (
        "test-result",
        lambda s: s["predicate"].update(failedTests=["x"]),
        "did not pass",
    ),
    "another report": (
        "test-result",
        lambda s: s["predicate"]["configuration"][1].update(digest={"sha256": ""}),
        r"holds another verification\.json",
    ),
    "no report": (
        "test-result",
        lambda s: s["predicate"].update(configuration=[]),
        r"holds another config\.yaml",
    ),
}


def _inside(statement: dict[str, Any]) -> dict[str, Any]:
    inside: dict[str, Any] = statement["predicate"]["buildDefinition"]
    return inside


@pytest.mark.parametrize(("kind", "change", "message"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_statement_that_contradicts_the_release(
    bundle: Bundle, kind: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """What it says of the bundle, its config, its inputs or its test is not what is there."""
    check_statements(bundle)
    with pytest.raises(StageError, match=message):
        check_statements(_statement(bundle, kind, change))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_statement_that_is_none(bundle: Bundle, content: bytes) -> None:
    """It is named."""
    with pytest.raises(StageError, match=r"digits-1\.2\.0\.provenance\.json, which is none"):
        check_statements(beside(bundle, ".provenance.json", content))


def test_the_repository_that_a_ci_tells_is_no_input_of_the_lock(bundle: Bundle) -> None:
    """It is in the provenance of a release of a CI, and the check passes."""
    told = {"name": "repository", "uri": "git+https://x", "digest": {"gitCommit": "a" * 40}}
    check_statements(
        _statement(bundle, "provenance", lambda s: _inside(s)["resolvedDependencies"].append(told))
    )


def _json(members: dict[str, bytes], name: str, **told: object) -> None:
    members[name] = json_bytes(json.loads(members[name]) | told)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"model.tflite": OTHER}), "another model than its lock says"),
        (
            lambda m: _json(m, "lock.json", **{"model.semantic": "x"}),
            "does not compute what its lock says",
        ),
        (lambda m: m.update({"lock.json": b"[]"}), r"holds no lock\.json"),
        (lambda m: _json(m, "verification.json", passed=1), "not the one that was verified"),
        (lambda m: _json(m, "verification.json", passed=False), "not the one that was verified"),
        (
            lambda m: _json(m, "verification.json", model_sha256="x"),
            "not the one that was verified",
        ),
    ],
)
def test_a_model_that_is_not_the_locked_or_verified_one(
    bundle: Bundle, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    """By its bytes, by what it computes, or by its verification."""
    check_lock(bundle, None)
    with pytest.raises(StageError, match=message):
        check_lock(changed(bundle, change), None)


def test_a_lock_that_is_checked_in(bundle: Bundle, tmp_path: Path) -> None:
    """Every difference from it is named; one that is not there, too."""
    lock = tmp_path / "digits.lock.json"
    with pytest.raises(StageError, match="There is no lock"):
        check_lock(bundle, lock)
    lock.write_bytes(json_bytes(json.loads(bundle.members["lock.json"]) | {"source": "0" * 64}))
    with pytest.raises(StageError, match="source: locked 0000"):
        check_lock(bundle, lock)


def test_a_hostile_release_is_an_error_to_show(bundle: Bundle) -> None:
    """A zip that fits its digests and holds nothing of a release ends in one sentence."""
    members: dict[str, bytes] = {"manifest.json": json_bytes({"files": []})}
    members["SHA256SUMS"] = sums(members)
    bundle.path.write_bytes(zip_bytes(members))
    empty = fits(replace(bundle, members=members))
    with pytest.raises(StageError, match="is not as rnnlite writes releases"):
        list(checks(empty, None))


@pytest.mark.parametrize("text", [b": :\n - x", b"!!python/object:os.system x", b"\xff"])
def test_a_config_that_is_no_yaml(bundle: Bundle, text: bytes) -> None:
    """It is one sentence, and nothing of it is run."""
    other = changed(bundle, lambda m: m.update({"config.yaml": text}))
    manifest = json.loads(other.members["manifest.json"])
    for each in manifest["files"]:
        if each["path"] == "config.yaml":
            each.update(sha256=sha256(text), size=len(text))
    other.members["manifest.json"] = json_bytes(manifest)
    rest = {name: c for name, c in other.members.items() if name != "SHA256SUMS"}
    other.members["SHA256SUMS"] = sums(rest)
    with pytest.raises(StageError, match="is not as rnnlite writes releases"):
        list(checks(other, None))


def test_what_differs_between_two_builds(bundle: Bundle, path: Path) -> None:
    """The members by name, those that one of both lacks too; else the zip itself."""
    assert different_members(bundle, read_bundle(path)) == []
    again = path.with_name("again.zip")
    again.write_bytes(zip_bytes(bundle.members, (2000, 1, 1, 0, 0, 0)))
    same = replace(bundle, path=again)
    assert different_members(bundle, same) == ["the zip itself (times or order)"]
    other = changed(
        same, lambda m: (m.pop("report.html"), m.update({"model.tflite": b"", "x": b""}))
    )
    assert different_members(bundle, other) == ["model.tflite", "report.html", "x"]


@pytest.mark.parametrize("epoch", ["", "315532800", "315532802", "1700000000", "4354819198"])
def test_the_date_of_a_release(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, epoch: str) -> None:
    """SOURCE_DATE_EPOCH as it was read gives the same time again; a zip counts two seconds."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    moment = moment_of_release()
    found = epoch_of(replace(bundle, moment=moment))
    assert found == (int(epoch) if epoch and epoch != "315532800" else None)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "" if found is None else str(found))
    assert moment_of_release() == moment


@pytest.mark.parametrize(
    "moment", [(1980, 0, 1, 0, 0, 0), (1980, 15, 1, 0, 0, 0), (2000, 2, 30, 31, 63, 62)]
)
def test_a_date_that_is_none(bundle: Bundle, moment: tuple[int, int, int, int, int, int]) -> None:
    """The bits of a zip's date can say month 0 or hour 31."""
    with pytest.raises(StageError, match="carries a time that no calendar has"):
        epoch_of(replace(bundle, moment=moment))
