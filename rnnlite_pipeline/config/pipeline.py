"""A pipeline: which stages run, and the gates a release must pass. One file of pipelines/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from rnnlite_pipeline.config.base import (
    Broken,
    Distinct,
    Fraction,
    FrozenDict,
    Positive,
    Section,
    Some,
    Text,
    section,
)
from rnnlite_pipeline.config.conversion import Runtime
from rnnlite_pipeline.config.description import InputMetadata, Metadata, OutputMetadata
from rnnlite_pipeline.config.load import load_file
from rnnlite_pipeline.config.model import Config, FileSection
from rnnlite_pipeline.errors import CallError, ConfigError, closest, did_you_mean
from rnnlite_pipeline.files import digest

Stage = Literal["validate", "inspect", "convert", "benchmark", "verify", "package"]

#: In the order in which they run.
STAGES: tuple[Stage, ...] = ("validate", "inspect", "convert", "benchmark", "verify", "package")

#: Those of a pipeline that does not say: times are measured where they are asked for.
_DEFAULT: tuple[Stage, ...] = ("validate", "inspect", "convert", "verify", "package")

#: The stage that must have run before.
_REQUIRES: dict[Stage, Stage] = {
    "benchmark": "convert",
    "verify": "convert",
    "package": "verify",
}

_PACKAGE = Path(__file__).parents[1]


def _op_count(value: object) -> object:
    if value is True or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("expected true, or how many there must be, at least 1")


OpCount = Annotated[
    int | bool,
    BeforeValidator(_op_count),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": True}]}),
]


def _metadata_fields() -> tuple[str, ...]:
    """The fields a model can tell: its own, and those of its tensors."""
    sides: dict[str, type[Section]] = {"inputs": InputMetadata, "outputs": OutputMetadata}
    own = [name for name in Metadata.model_fields if name not in sides]
    of_tensors = (f"{side}.{key}" for side, part in sides.items() for key in part.model_fields)
    return (*own, *(field for field in of_tensors if not field.endswith(".name")))


METADATA_FIELDS = _metadata_fields()


def _metadata_field(value: object) -> object:
    if value in METADATA_FIELDS:
        return value
    raise ValueError(f"the metadata has no such field. {did_you_mean(str(value), METADATA_FIELDS)}")


MetadataField = Annotated[
    str, BeforeValidator(_metadata_field), WithJsonSchema({"enum": list(METADATA_FIELDS)})
]


class Gates(Section):
    """What a model must be, independent of its config; a gate left out is open."""

    min_accuracy: Fraction | None = Field(
        default=None, description="The lowest accuracy that passes; needs data with labels."
    )
    max_abs_error: Positive | None = Field(
        default=None, description="The largest difference from the source that passes."
    )
    max_accuracy_drop: Fraction | None = Field(
        default=None,
        description="The largest loss of accuracy against the source that passes; needs data with"
        " labels.",
    )
    max_bytes: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The largest size of model.tflite that passes, in bytes."
    )
    require_ops: FrozenDict[Text, OpCount] = Field(
        default_factory=dict,
        validate_default=True,
        description="Ops the model must hold, by name: exactly so many, or true for any number.",
    )
    forbid_ops: Distinct[Text] = Field(
        default=(),
        description="Ops that the model must not have: names, or patterns such as Flex* and"
        " CUSTOM:*.",
    )
    require_metadata: Distinct[MetadataField] = Field(
        default=(),
        description="Fields of the metadata that the model must tell: author, or of every input"
        " or output inputs.description.",
    )
    runtimes: Distinct[Runtime] = Field(
        default=(), description="Runtimes the model must have been verified on."
    )
    npu_share: Fraction | None = Field(
        default=None,
        description="The least share of operations, as Vela counts them, that runs on the NPU of"
        " each Ethos-U target: 1.0 is all of them.",
    )

    @property
    def needs_labels(self) -> tuple[str, ...]:
        """The gates that are set and cannot be judged without labels."""
        gates = ("min_accuracy", "max_accuracy_drop")
        return tuple(gate for gate in gates if getattr(self, gate) is not None)


class Pipeline(FileSection):
    """The stages that run, and the gates."""

    description: Text | None = Field(default=None, description="What the pipeline is for.")
    stages: Some[Stage] = Field(
        default=_DEFAULT,
        description=f"The stages, in this order: {', '.join(STAGES)}; benchmark and verify need"
        " convert, package needs verify, and all but benchmark are the default.",
    )
    gates: Gates = section(Gates, "Limits for a model, independent of its config.")

    @property
    def name(self) -> str:
        """The file's name without .yaml."""
        return self.path.stem

    def rules(self) -> Iterator[Broken]:
        """The stages are in their order, each after the one that it needs."""
        for i, (stage, following) in enumerate(zip(self.stages, self.stages[1:], strict=False)):
            if STAGES.index(stage) > STAGES.index(following):
                yield ("stages", i + 1), f"{following} comes before {stage}"
        for i, stage in enumerate(self.stages):
            required = _REQUIRES.get(stage)
            if required and required not in self.stages:
                yield ("stages", i), f"{stage} needs the stage {required} before it"


def load_pipeline(name: str, near: Path) -> Pipeline:
    """Reads the pipeline of a name.

    Looked for as pipelines/NAME.yaml in `near`, then in each folder above it, then among those
    that come with the package.

    Args:
        name: The file's name without .yaml.
        near: A folder, as a rule that of the config.

    Raises:
        CallError: There is no pipeline of that name.
        ConfigError: Its file is wrong.
    """
    for folder in _folders(near):
        path = folder / f"{name}.yaml"
        if path.parent == folder and path.is_file():
            return _read(path)
    known = known_pipelines(near)
    near_name = closest(name, known)
    meant = f"; did you mean `{near_name}`?" if near_name else "."
    listed = f" The pipelines are {', '.join(known)}." if known else ""
    raise CallError(f"no pipeline `{name}`{meant}{listed}")


def _read(path: Path) -> Pipeline:
    """The pipeline of a file; many configs name the same, and it is read once."""
    try:
        seen = (str(path), str(path.absolute()), digest(path))
    except OSError:
        return load_file(Pipeline, path)  # which says what is wrong
    if seen not in _READ:
        _READ[seen] = load_file(Pipeline, path)
    return _READ[seen]


#: The pipelines that were read, by the file as it was named, where it is, and its content.
_READ: dict[tuple[str, str, str], Pipeline] = {}


def pipeline_of(config: Config) -> Pipeline:
    """The pipeline a config names.

    Raises:
        ConfigError: The config names one that does not exist, or the pipeline's file is wrong.
    """
    try:
        return load_pipeline(config.pipeline, config.folder)
    except CallError as error:
        problem = config.document.problem(("pipeline",), error.message)
        raise ConfigError(config.document.path, [problem]) from None


def known_pipelines(near: Path) -> tuple[str, ...]:
    """The names of the pipelines that can be used near a folder, sorted."""
    return tuple(sorted({path.stem for folder in _folders(near) for path in folder.glob("*.yaml")}))


def _folders(near: Path) -> list[Path]:
    """The folders of pipelines, the nearest first; in a wheel they are part of the package."""
    absolute = near.absolute()
    own = [folder / "pipelines" for folder in (absolute, *absolute.parents)]
    shipped = _PACKAGE / "pipelines"
    if not shipped.is_dir():
        shipped = _PACKAGE.parent / "pipelines"
    return [folder for folder in (*own, shipped) if folder.is_dir()]
