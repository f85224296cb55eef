"""What goes into a release, and the rule that only a verified model does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import Key, StageError
from rnnlite_pipeline.files import moment_of_release, write_atomically, zip_bytes
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.metadata import read_description
from rnnlite_pipeline.release.card import model_card
from rnnlite_pipeline.release.deploy import Deployment, deployment_files
from rnnlite_pipeline.release.digests import json_bytes, sha256, sums
from rnnlite_pipeline.release.lock import build_lock, lock_bytes
from rnnlite_pipeline.release.statements import provenance, test_result

#: The form of manifest.json; a number that grows when its keys change their meaning.
MANIFEST_VERSION = 1


def package(config: Config, out: Path, pipeline: Pipeline) -> None:
    """Write OUT/dist/NAME-VERSION.zip, its digest for `sha256sum -c`, and its statements.

    The zip holds model.tflite, config.yaml (normalized, every default written out), lock.json,
    inspect.json, verification.json, report.html, MODEL_CARD.md, what deploys the model under
    deploy/, the files of `package.include` under files/, manifest.json, and SHA256SUMS. Equal
    inputs give equal bytes. Beside it are NAME-VERSION.provenance.json and
    NAME-VERSION.test-result.json (statements.py).

    Args:
        config: The model's config.
        out: The model's folder, DIR/NAME.
        pipeline: The gates of the verification; recorded in the manifest.

    Raises:
        StageError: The model is not the verified one, it did not pass, or a file is missing.
    """
    files = _files(config, out)
    verification = _verified(files["model.tflite"], files["verification.json"], out)
    lock = build_lock(config, pipeline, out)
    files["lock.json"] = lock_bytes(lock)
    files |= _generated(config, files, verification)
    files["manifest.json"] = _manifest(config, pipeline, files)
    files["SHA256SUMS"] = sums(files)

    archive = zip_bytes(files, moment_of_release())
    target = out / "dist" / f"{config.name}-{config.version}.zip"
    subjects = {target.name: archive, "model.tflite": files["model.tflite"]}
    evidence = {name: files[name] for name in ("config.yaml", "verification.json")}
    beside = {
        f"{target.name}.sha256": sums({target.name: archive}),
        f"{target.stem}.provenance.json": json_bytes(provenance(config, pipeline, lock, subjects)),
        f"{target.stem}.test-result.json": json_bytes(
            test_result(verification, subjects, evidence)
        ),
    }
    write_atomically(target, archive)
    for name, content in beside.items():
        write_atomically(target.with_name(name), content)


def _files(config: Config, out: Path) -> dict[str, bytes]:
    again = f"`rnnlite package {config.path.name}` makes it."
    files = {
        name: _read(out / name, again)
        for name in ("model.tflite", "verification.json", "inspect.json")
    }
    files["report.html"] = _read(out / ".work" / "report.html", again)  # the one without times
    files["config.yaml"] = _config_text(config)
    for i, name in enumerate(config.package.include):
        key = ("package", "include", i)
        files[f"files/{name}"] = _read(config.resolve(name), "Check the path.", key)
    return files


def _read(path: Path, remedy: str, key: Key = ()) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StageError(f"There is no {path.name} to package.", remedy, key) from None


def _verified(model: bytes, verification: bytes, out: Path) -> dict[str, Any]:
    """What verification.json says; the model is byte for byte the one that passed."""
    again = f"Run `rnnlite verify` again; the figures are in {out / 'verification.json'}."
    try:
        told: dict[str, Any] = json.loads(verification)
        passed, digest = told["passed"], told["model_sha256"]
    except (ValueError, KeyError, TypeError):
        raise StageError("verification.json does not say what was verified.", again) from None
    if passed is not True:
        raise StageError("The model did not pass its verification.", again)
    if digest != sha256(model):
        raise StageError("model.tflite is not the model that was verified.", again)
    return told


def _generated(
    config: Config, files: Mapping[str, bytes], verification: Mapping[str, Any]
) -> dict[str, bytes]:
    """The model card, and the code that deploys the model."""
    content = files["model.tflite"]
    model = read_model(content)
    description = read_description(model)
    deployment = Deployment.of(config, model, description)
    card = model_card(config, deployment, description, verification, len(content))
    deploy = deployment_files(deployment, content)
    return {"MODEL_CARD.md": card, **{f"deploy/{name}": text for name, text in deploy.items()}}


def _config_text(config: Config) -> bytes:
    text = yaml.safe_dump(config.normalized(), sort_keys=True, allow_unicode=True, width=100)
    return text.encode()


def _manifest(config: Config, pipeline: Pipeline, files: Mapping[str, bytes]) -> bytes:
    return json_bytes(
        {
            "manifest_version": MANIFEST_VERSION,
            "name": config.name,
            "version": config.version,
            "pipeline": pipeline.model_dump(mode="json"),
            "annotations": dict(config.annotations),
            "files": [
                {"path": name, "sha256": sha256(files[name]), "size": len(files[name])}
                for name in sorted(files)
            ],
        }
    )
