"""The parts of a release, a model or a config that are compared: values by section and key."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import BROKEN_ZIP
from rnnlite_pipeline.release.digests import flat

#: Values by key, by section; a section that a file cannot have is missing.
Contents = dict[str, dict[str, Any]]

#: The largest member of a release that is read, in bytes.
LARGEST = 2**31


def contents_of(path: Path) -> Contents:
    """The contents of a file, by its kind.

    Raises:
        CallError: The file is missing, or of no known kind.
        RnnliteError: It is damaged.
    """
    from rnnlite_pipeline.config import load_config, split_reference

    file, _ = split_reference(path)
    if not file.is_file():
        raise CallError(f"There is no file {path}.")
    if path.suffix == ".zip":
        return _release(path)
    if path.suffix == ".tflite":
        return _model(path.read_bytes())
    if file.suffix in (".yaml", ".yml"):
        return {"config": flat(load_config(path).normalized())}
    raise CallError(f"{path} is no release (.zip), model (.tflite) or config (.yaml).")


def _release(path: Path) -> Contents:
    members = _members(path)
    contents = _model(members["model.tflite"])
    told = _json(path, members, "verification.json")
    contents["size"]["release"] = path.stat().st_size
    contents["config"] = flat(_yaml(path, members))
    lock = _json(path, members, "lock.json")
    contents["lock"] = {key: lock[key] for key in lock if not key.startswith("config.")}
    try:
        contents["errors"] = _errors(told)
    except (AttributeError, KeyError, TypeError, ValueError):
        again = "Build the release again."
        raise StageError(
            f"verification.json in {path} is not as rnnlite writes it.", again
        ) from None
    inspected = _json(path, members, "inspect.json").get("recurrences", [])
    contents["recurrences"] = flat(inspected)
    return contents


def _members(path: Path) -> dict[str, bytes]:
    names = ("model.tflite", "config.yaml", "lock.json", "verification.json", "inspect.json")
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                if archive.getinfo(name).file_size > LARGEST:
                    raise StageError(f"{name} in {path} is larger than {LARGEST:,} bytes.")
            return {name: archive.read(name) for name in names}
    except KeyError as error:
        raise StageError(f"{path} is no release of rnnlite: {error.args[0]}.") from None
    except (*BROKEN_ZIP, OSError, ValueError) as error:
        raise StageError(f"{path} is damaged: {error}.", "Download or build it again.") from None


def _json(path: Path, members: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        value = json.loads(members[name])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise StageError(f"{name} in {path} is no JSON object.", "Build the release again.")
    return value


def _yaml(path: Path, members: Mapping[str, bytes]) -> Any:
    import yaml

    try:
        return yaml.safe_load(members["config.yaml"])
    except (yaml.YAMLError, RecursionError, ValueError):
        raise StageError(f"config.yaml in {path} is no YAML.", "Build the release again.") from None


def _model(content: bytes) -> Contents:
    from rnnlite_pipeline.graph.read import read_model
    from rnnlite_pipeline.metadata import read_description
    from rnnlite_pipeline.metadata.names import named_tensors
    from rnnlite_pipeline.release.semantic import semantic_digest

    model = read_model(content)
    description = read_description(model)
    constants = {id(t.data): len(t.data) for op in model.ops() for t in op.inputs if t and t.data}
    interface = {
        f"{side}.{name}": f"{tensor.dtype} {list(tensor.shape or ())}"
        for side in ("inputs", "outputs")
        for name, tensor in named_tensors(model, side).items()
    }
    fields = dict(description.fields or {})
    for graph in fields.get("subgraph_metadata", []):
        graph.pop("custom_metadata", None)  # shown by `recurrences`
    metadata = flat(fields) | {f"file {n}": f"{len(c)} bytes" for n, c in description.files.items()}
    return {
        "computes": {"semantic digest": semantic_digest(model)},
        "interface": interface,
        "ops": dict(Counter(op.code for op in model.ops())),
        "recurrences": flat(list(description.recurrent.get("layers", []))),
        "state": {"policy": description.recurrent.get("state", "not told")},
        "size": {"model": len(content), "constants": sum(constants.values())},
        "metadata": metadata,
    }


def _errors(told: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a verification."""
    errors: dict[str, Any] = {"max_abs_error": told.get("max_abs_error")}
    worst: dict[str, float] = {}
    for check in told.get("checks", []):
        error = check.get("max_abs_error")
        if isinstance(error, int | float):
            key = f"{check.get('output')} on {check.get('data')}"
            worst[key] = max(error, worst.get(key, 0.0))
    for each in told.get("accuracy", []):
        errors[f"accuracy of {each['output']}, {each['kernels']} kernels"] = each["litert"]
    return errors | worst
