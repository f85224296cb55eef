"""The lock: the inputs of a build and its results, one line each.

`configs/NAME.lock.json` is beside `configs/NAME.yaml` and is checked in with it; a variant's is
`configs/NAME-VARIANT.lock.json`. Each entry is text under a dotted key, so that each difference is
one line:

* `config.*`, `pipeline.*`: their normalized form with defaults, one line for each value;
* `source`: the sha256 of the file or folder; of a source built in code, of the imported graph;
* `data.*`, `metadata.*`, `package.*`: the sha256 of each file the config names;
* `toolchain.*`: the versions of the packages that compute, and of those that bring converters; not
  Python's, as they compute the same on each that they run on;
* `model.sha256`: the bytes of model.tflite; `model.semantic`: what it computes (semantic.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import rnnlite_pipeline
from rnnlite_pipeline.config import Config, Pipeline, associated_files
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.files import digest, near
from rnnlite_pipeline.plugins import plugins
from rnnlite_pipeline.release.digests import flat, json_bytes, sha256
from rnnlite_pipeline.toolchain import versions

#: The form of the file; a number that grows when its keys change their meaning.
FORM = "1"

Lock = Mapping[str, str]


def lock_path(config: Config) -> Path:
    """The lock beside a config; that of a variant has the variant's name too."""
    if config.variant:
        return config.path.with_name(f"{config.path.stem}-{config.variant}.lock.json")
    return config.path.with_suffix(".lock.json")


def input_lock(config: Config, pipeline: Pipeline) -> dict[str, str]:
    """The inputs of a build, known before it runs.

    Raises:
        OSError: A file the config names cannot be read.
    """
    lock = {
        "lock": FORM,
        **{f"config.{key}": _text(value) for key, value in flat(config.normalized()).items()},
        **{f"pipeline.{key}": _text(value) for key, value in flat(pipeline.normalized()).items()},
    }
    lock |= {key: digest(path) for key, path in _files(config)}
    lock["toolchain.rnnlite"] = rnnlite_pipeline.__version__
    lock |= {f"toolchain.{name}": version for name, version in _converters()}
    installed = versions(config.source.format).items()
    return lock | {f"toolchain.{name}": version or "not installed" for name, version in installed}


def build_lock(config: Config, pipeline: Pipeline, out: Path) -> dict[str, str]:
    """The inputs of a build, and its results.

    Args:
        config: The model's config.
        pipeline: Its pipeline.
        out: The model's folder, in which it is converted.

    Raises:
        ModelFormatError: model.tflite is damaged.
        OSError: A file cannot be read.
    """
    from rnnlite_pipeline.graph.read import read_model
    from rnnlite_pipeline.release.semantic import semantic_digest

    content = (out / "model.tflite").read_bytes()
    lock = input_lock(config, pipeline)
    if config.source.path is None:
        lock["source"] = digest(out / ".work" / "source.tflite")
    lock["model.sha256"] = sha256(content)
    lock["model.semantic"] = semantic_digest(read_model(content))
    return lock


def lock_bytes(lock: Lock) -> bytes:
    """The file: sorted keys, one a line."""
    return json_bytes(dict(lock))


def read_lock(path: Path, config: Path | None = None) -> dict[str, str]:
    """A lock that was checked in.

    Args:
        path: Its file.
        config: The config it locks, as `load_config` takes it; by the file's name where None.

    Raises:
        StageError: There is no lock, or the file is not a lock.
    """
    remedy = (
        f"Write it with `rnnlite lock {_config(path, config)}`, and check it in beside the config."
    )
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"There is no lock {near(path)}.", remedy) from None
    except ValueError:
        lock = None
    if not isinstance(lock, dict) or not all(isinstance(value, str) for value in lock.values()):
        raise StageError(f"{near(path)} is not a lock: expected text by key, as JSON.", remedy)
    return lock


def check_locks(
    builds: Iterable[tuple[Path, Lock, Lock]],
    *,
    inputs_only: bool = False,
    configs: Mapping[Path, Path] | None = None,
) -> None:
    """Holds builds to their locks.

    Args:
        builds: For each: the file of the lock, its entries, and the entries of the build now.
        inputs_only: Whether the last are the entries that are known before the build.
        configs: The config of each lock, as `load_config` takes it, where its name does not tell.

    Raises:
        StageError: Some differ; the message shows each difference of each on a line.
    """
    wrong = {
        path: _said(path, locked, found, different)
        for path, locked, found in builds
        if (different := list(_different(locked, found, inputs_only)))
    }
    if wrong:
        named = " ".join(_config(path, (configs or {}).get(path)) for path in wrong)
        raise StageError(
            "\n".join(wrong.values()),
            f"Restore what changed; or, if the change is meant, `rnnlite lock {named}` and review"
            " the difference.",
        )


def _said(path: Path, locked: Lock, found: Lock, different: Sequence[str]) -> str:
    same = locked.get("model.semantic") == found.get("model.semantic", "")
    only = " It still computes the same (model.semantic)." if same else ""
    lines = "".join(f"\n  {line}" for line in different)
    return f"The build is not the one that {near(path)} locks.{only}{lines}"


def _different(locked: Lock, found: Lock, inputs_only: bool) -> Iterator[str]:
    for key in sorted({*locked, *found}):
        if inputs_only and (key.startswith("model.") or key not in found):
            continue
        one, other = locked.get(key, "nothing"), found.get(key, "nothing")
        if one != other:
            yield f"{key}: locked {_short(one)}, now {_short(other)}"


def _converters() -> Iterator[tuple[str, str]]:
    """The installed packages that convert composites, as they go before rnnlite's own code."""
    for plugin in plugins():
        name, _, version = plugin.package.partition(" ")
        yield name, version


def _config(lock: Path, config: Path | None = None) -> str:
    """The config of a lock, as the user would type it."""
    return str(near(config)) if config else str(near(lock)).removesuffix(".lock.json") + ".yaml"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _short(value: str) -> str:
    """Sixteen digits are enough to tell two digests apart."""
    return f"{value[:16]}..." if len(value) == 64 else value


def _files(config: Config) -> Iterator[tuple[str, Path]]:
    """The files a build reads, by the key of their entry."""
    if config.source.path:
        yield "source", config.resolve(config.source.path)
    if config.source.weights:
        yield "source.weights", config.resolve(config.source.weights)
    if config.quantization.calibration:
        yield "data.calibration", config.resolve(config.quantization.calibration.path)
    if config.verification.data.path:
        yield "data.verification", config.resolve(config.verification.data.path)
    for _, named in associated_files(config):
        yield f"metadata.{Path(named).name}", config.resolve(named)
    for name in config.package.include:
        yield f"package.{name}", config.resolve(name)
