"""What goes into a release, and the rule that only a verified model does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rnnlite_pipeline.archive import moment_of_release, zip_bytes
from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import write_atomically

#: The form of manifest.json; a number that grows when its keys change their meaning.
MANIFEST_VERSION = 1


def package(config: Config, out: Path, pipeline: Pipeline) -> None:
    """Write OUT/dist/NAME-VERSION.zip and, beside it, its digest for `sha256sum -c`.

    The zip holds model.tflite, config.yaml (normalized, every default written out), inspect.json,
    verification.json, report.html, the files of `package.include` under files/, manifest.json, and
    SHA256SUMS. Equal inputs give equal bytes.

    Args:
        config: The model's config.
        out: The model's folder, DIR/NAME.
        pipeline: The gates the verification was held to; recorded in the manifest.

    Raises:
        StageError: The model is not the verified one, it did not pass, or a file is missing.
    """
    files = _files(config, out)
    _require_verified(files["model.tflite"], files["verification.json"], out)
    files["manifest.json"] = _manifest(config, pipeline, files)
    files["SHA256SUMS"] = _sums(files)

    archive = zip_bytes(files, moment_of_release())
    target = out / "dist" / f"{config.name}-{config.version}.zip"
    write_atomically(target, archive)
    sums = _sums({target.name: archive})
    write_atomically(target.with_name(f"{target.name}.sha256"), sums)


def _files(config: Config, out: Path) -> dict[str, bytes]:
    files = {
        name: _read(out / name, f"`rnnlite package {config.path.name}` makes it.")
        for name in ("model.tflite", "verification.json", "report.html", "inspect.json")
    }
    files["config.yaml"] = _config_text(config)
    for name in config.package.include:
        remedy = f"package.include of {config.path} names it."
        files[f"files/{name}"] = _read(config.resolve(name), remedy)
    return files


def _read(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StageError(f"There is no {path.name} to package.", remedy) from None


def _require_verified(model: bytes, verification: bytes, out: Path) -> None:
    """The model in the release is byte for byte the one that passed."""
    again = f"Run `rnnlite verify` again; the figures are in {out / 'verification.json'}."
    try:
        told = json.loads(verification)
        passed, digest = told["passed"], told["model_sha256"]
    except (ValueError, KeyError, TypeError):
        raise StageError("verification.json does not say what was verified.", again) from None
    if passed is not True:
        raise StageError("The model did not pass its verification.", again)
    if digest != _sha256(model):
        raise StageError("model.tflite is not the model that was verified.", again)


def _config_text(config: Config) -> bytes:
    text = yaml.safe_dump(config.normalized(), sort_keys=True, allow_unicode=True, width=100)
    return text.encode()


def _manifest(config: Config, pipeline: Pipeline, files: Mapping[str, bytes]) -> bytes:
    return _json(
        {
            "manifest_version": MANIFEST_VERSION,
            "name": config.name,
            "version": config.version,
            "pipeline": pipeline.model_dump(mode="json"),
            "annotations": dict(config.annotations),
            "files": [
                {"path": name, "sha256": _sha256(files[name]), "size": len(files[name])}
                for name in sorted(files)
            ],
        }
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{_sha256(files[name])}  {name}\n" for name in sorted(files)).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
