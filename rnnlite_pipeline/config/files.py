"""What `validate` checks beyond the YAML: the files a config names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rnnlite_pipeline.config.associated import AssociatedFiles, wrong_file
from rnnlite_pipeline.config.data import wrong_arrays
from rnnlite_pipeline.config.declared import Declared, declared, wrong_pins
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.early import wrong_early
from rnnlite_pipeline.config.headers import Interface, WrongSource, read_header
from rnnlite_pipeline.config.layers import wrong_layers
from rnnlite_pipeline.config.model import Config
from rnnlite_pipeline.config.pipeline import Pipeline, pipeline_of
from rnnlite_pipeline.errors import ConfigError, Problem
from rnnlite_pipeline.files import digest


def check_files(config: Config, out: Path | None = None) -> None:
    """Checks that the files a config names are there and are what they should be.

    The source (its format, its pinned sha256, whether it is whole), the pipeline, the data (its
    arrays, without NumPy), label files, and the files that the package includes; and what else can
    be known before a model is opened (`early.py`).

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
    """Checks the files of several releases of one config; each problem is reported once.

    Args:
        configs: The releases.
        build: The folder DIR with the results of earlier runs.

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


def _wrong(
    config: Config, pipeline: Pipeline | None, out: Path | None
) -> Iterator[tuple[Loc, str]]:
    source = list(_wrong_source(config))
    header: Interface | None = None
    if not source:
        try:
            header = read_header(config)
            source += wrong_pins(config, header) if header else ()
        except WrongSource as error:
            source.append((error.loc, error.message))
        except OSError as error:
            source.append((("source", "path"), f"cannot be read: {error.strerror or error}"))
    yield from source
    known = None if source else declared(config, out, header)
    files = AssociatedFiles(config)
    yield from files.wrong
    yield from wrong_early(config, pipeline, known, files)
    if known:
        yield from wrong_layers(config, known)
    classes = _classes(config, known, files)
    yield from _wrong_data(config, pipeline, known, classes)
    if calibration := config.quantization.calibration:
        where = ("quantization", "calibration", "path")
        yield from _wrong_samples(config, where, calibration.path, known, classes)
    for i, entry in enumerate(config.package.include):
        yield from _wrong_include(config, ("package", "include", i), entry)


def _classes(config: Config, known: Declared | None, files: AssociatedFiles) -> Mapping[str, int]:
    """How many classes an output has, by the file of its labels; `""` is the first output."""
    described = config.metadata.outputs if config.metadata else ()
    counts = {
        each.name: len(lines)
        for each in described
        if each.labels and (lines := files.lines(each.labels)) and len(lines) > 1
    }
    if known and known.outputs:
        return {**counts, "": counts.get(next(iter(known.outputs)), 0)}
    return {**counts, "": counts.get(described[0].name, 0)} if len(described) == 1 else counts


def _wrong_source(config: Config) -> Iterator[tuple[Loc, str]]:
    source, loc = config.source, ("source", "path")
    if source.weights:
        yield from wrong_file(("source", "weights"), config.resolve(source.weights))
    if not source.path:
        return
    path = config.resolve(source.path)
    missing = list(wrong_file(loc, path, folder=source.format == "saved_model"))
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
    config: Config, pipeline: Pipeline | None, known: Declared | None, classes: Mapping[str, int]
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
    yield from _wrong_samples(config, loc, path, known, classes, labels=own or bool(gates))


def _wrong_samples(
    config: Config,
    loc: Loc,
    named: str,
    known: Declared | None,
    classes: Mapping[str, int],
    *,
    labels: bool = False,
) -> Iterator[tuple[Loc, str]]:
    path = config.resolve(named)
    missing = list(wrong_file(loc, path))
    yield from missing
    if not missing:
        yield from wrong_arrays(config, loc, path, known, classes, labels=labels)


def _wrong_include(config: Config, loc: Loc, entry: str) -> Iterator[tuple[Loc, str]]:
    path = config.resolve(entry)
    missing = list(wrong_file(loc, path))
    yield from missing
    if not missing and not path.resolve().is_relative_to(config.folder.resolve()):
        yield loc, f"a link that leaves the config's folder: {path.resolve()}"
