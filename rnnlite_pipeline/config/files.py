"""What `validate` checks beyond the YAML: the files a config names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnlite_pipeline.config.arrays import Header, NotArrays, read_headers
from rnnlite_pipeline.config.declared import Declared, declared
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.early import wrong_arrays, wrong_early
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline, pipeline_of
from rnnlite_pipeline.errors import ConfigError, Problem
from rnnlite_pipeline.files import digest

#: The array of a data file that is not an input.
LABELS = "labels"


def check_files(config: Config, out: Path | None = None) -> None:
    """Checks that the files a config names are there and are what they should be.

    The source, its pinned sha256, the pipeline, the data (by the headers of its arrays, without
    NumPy), label files, and what the package includes; and what else can be known before a model is
    opened (`early.py`).

    Args:
        config: The config.
        out: The model's folder, DIR/NAME, where an earlier import may say the model's interface.

    Raises:
        ConfigError: Something is missing or wrong; it names every problem with its place. A
            pipeline whose own file is wrong is named once the config is right.
    """
    problems: list[Problem] = []
    pipeline: Pipeline | None = None
    broken: ConfigError | None = None
    try:
        pipeline = pipeline_of(config)
    except ConfigError as error:
        broken = error
    for loc, message in _wrong(config, pipeline, out):
        problems.append(config.document.problem(loc, message))
    if broken and broken.path == config.document.path:
        problems.extend(broken.details)
    if problems:
        raise ConfigError(config.document.path, sorted(problems))
    if broken:
        raise broken


def check_releases(configs: Iterable[Config], build: Path | None = None) -> None:
    """Checks the files of several releases of one file, each problem told once.

    Args:
        configs: The releases.
        build: The folder DIR of what was made before.

    Raises:
        ConfigError: As `check_files`; a pipeline whose own file is wrong is named once the
            config is right.
    """
    problems: dict[Path, set[Problem]] = {}
    for config in configs:
        try:
            check_files(config, build / config.name if build else None)
        except ConfigError as error:
            problems.setdefault(error.path, set()).update(error.details)
    if problems:
        path = config.document.path if config.document.path in problems else next(iter(problems))
        raise ConfigError(path, sorted(problems[path]))


def associated_files(config: Config) -> Iterator[tuple[Loc, str]]:
    """The label and vocabulary files that `metadata:` names, with their places."""
    if config.metadata is None:
        return
    for i, source in enumerate(config.metadata.inputs):
        if source.vocabulary:
            yield ("metadata", "inputs", i, "vocabulary"), source.vocabulary
    for i, output in enumerate(config.metadata.outputs):
        if output.labels:
            yield ("metadata", "outputs", i, "labels"), output.labels


def _wrong(
    config: Config, pipeline: Pipeline | None, out: Path | None
) -> Iterator[tuple[Loc, str]]:
    source = list(_wrong_source(config))
    yield from source
    known = None if source else declared(config, out)
    yield from wrong_early(config, pipeline, known)
    yield from _wrong_data(config, pipeline, known)
    if calibration := config.quantization.calibration:
        where = ("quantization", "calibration", "path")
        yield from _wrong_arrays(config, where, calibration.path, known)
    for loc, named in associated_files(config):
        yield from _wrong_file(loc, config.resolve(named))
    for i, entry in enumerate(config.package.include):
        yield from _wrong_include(config, ("package", "include", i), entry)


def _wrong_file(loc: Loc, path: Path, *, folder: bool = False) -> Iterator[tuple[Loc, str]]:
    """A path that is not a file one can read; with `folder`, not a folder."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        yield loc, f"no such {'folder' if folder else 'file'}: {path}"
    except OSError as error:
        yield loc, f"cannot be read: {error.strerror}: {path}"
    else:
        if folder and not stat.S_ISDIR(mode):
            yield loc, f"expected a folder; {path} is a file"
        elif not folder and not stat.S_ISREG(mode):
            found = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            yield loc, f"expected a file; {path} is {found}"
        elif not os.access(path, os.R_OK):
            yield loc, f"cannot be read: its permissions do not allow it: {path}"


def _wrong_source(config: Config) -> Iterator[tuple[Loc, str]]:
    source, loc = config.source, ("source", "path")
    if source.weights:
        yield from _wrong_file(("source", "weights"), config.resolve(source.weights))
    if not source.path:
        return
    path = config.resolve(source.path)
    missing = list(_wrong_file(loc, path, folder=source.format == "saved_model"))
    yield from missing
    if source.sha256 and not missing:
        try:
            found = digest(path)
        except OSError as error:
            yield loc, f"cannot be read: {error.strerror}: {error.filename}"
            return
        if found != source.sha256.lower():
            yield ("source", "sha256"), f"the content of {source.path} has the sha256 {found}"


def _wrong_data(
    config: Config, pipeline: Pipeline | None, known: Declared | None
) -> Iterator[tuple[Loc, str]]:
    verification = config.verification
    gates = pipeline.gates.needs_labels if pipeline else ()
    path = verification.data.path
    if not path:
        if gates and pipeline:
            needs = f"`{pipeline.name}` has the gate {gates[0]}, which needs data with labels"
            yield ("pipeline",), f"{needs}: give verification.data.path"
        return
    loc = ("verification", "data", "path")
    own = verification.min_accuracy is not None or verification.max_accuracy_drop is not None
    yield from _wrong_arrays(config, loc, path, known, labels=own or bool(gates))


def _wrong_arrays(
    config: Config, loc: Loc, named: str, known: Declared | None, *, labels: bool = False
) -> Iterator[tuple[Loc, str]]:
    path = config.resolve(named)
    missing = list(_wrong_file(loc, path))
    yield from missing
    if missing:
        return
    try:
        headers = read_headers(path)
    except NotArrays as error:
        yield loc, f"{path}: {error}"
        return
    holds = f"it holds {', '.join(sorted(headers))}"
    if labels and LABELS not in headers:
        yield loc, f"the config asks for an accuracy, and {path} has no `{LABELS}`; {holds}"
    yield from ((loc, f"{path}: {message}") for message in _unlike(headers))
    if known:
        yield from wrong_arrays(config, loc, path, headers, known)
        return
    for name, shape in config.source.inputs.items():
        if name not in headers:
            yield loc, f"{path} has no array for the input `{name}`; {holds}"
        elif not _fits(headers[name].shape, shape):
            expected = ", ".join("null" if n is None else str(n) for n in shape)
            found = ", ".join(str(n) for n in headers[name].shape)
            yield loc, f"{path}: `{name}` has the shape [{found}]; source.inputs has [{expected}]"


def _unlike(headers: dict[str, Header]) -> Iterator[str]:
    """Arrays that do not hold one entry a sample."""
    if not any(name != LABELS for name in headers):
        yield "has labels, but no input"
    scalars = sorted(name for name, header in headers.items() if not header.shape)
    if scalars:
        yield f"`{scalars[0]}` is a single number; the first axis is that of the samples"
        return
    counts = {header.shape[0] for header in headers.values()}
    if len(counts) > 1:
        each = ", ".join(f"{name} {header.shape[0]}" for name, header in sorted(headers.items()))
        yield f"the arrays have different numbers of samples: {each}"
    elif counts == {0}:
        yield "holds no samples"


def _fits(shape: tuple[int, ...], pinned: tuple[int | None, ...]) -> bool:
    """Whether samples have the pinned shape; a pinned batch does not bind the number of them."""
    if len(shape) != len(pinned):
        return False
    return all(p is None or n == p for n, p in zip(shape[1:], pinned[1:], strict=True))


def _wrong_include(config: Config, loc: Loc, entry: str) -> Iterator[tuple[Loc, str]]:
    path = config.resolve(entry)
    missing = list(_wrong_file(loc, path))
    yield from missing
    if not missing and not path.resolve().is_relative_to(config.folder.resolve()):
        yield loc, f"a link that leaves the config's folder: {path.resolve()}"
