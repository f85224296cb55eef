"""The whole of one config file: one source, and the releases made of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, PrivateAttr

from rnnlite_pipeline.config.base import (
    Broken,
    FrozenDict,
    Section,
    Some,
    Text,
    section,
    text_like,
)
from rnnlite_pipeline.config.conversion import (
    Converter,
    Quantization,
    Recurrent,
    Runtime,
    Scheme,
    Target,
    Verification,
)
from rnnlite_pipeline.config.description import Metadata, Package
from rnnlite_pipeline.config.document import Document
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.config.variants import Overrides, VariantName

_NUMBER = r"(0|[1-9][0-9]*)"
_PRE = r"(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PRE}(\.{_PRE})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)

Name = Annotated[
    str,
    *text_like(
        r"[a-z0-9][a-z0-9.-]*",
        "lower-case letters, digits, `.` and `-`, the first one a letter or digit",
    ),
]
Version = Annotated[str, *text_like(_SEMVER, "a semantic version such as 1.0.0")]


class FileSection(Section):
    """A whole YAML file: it knows its file, so that later errors name their place.

    Made by `load_config` and `load_pipeline`. If it is made from values, with
    `model_validate(values)`, its folder is the current one and it has no places.
    """

    _document: Document = PrivateAttr()
    _path: Path = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Keeps the document given as the context of the validation."""
        known = isinstance(context, Document)
        self._document = context if known else Document(Path("config.yaml"), (), None)
        self._path = Path(os.path.normpath(self._document.path.absolute()))

    @property
    def document(self) -> Document:
        """The file as it was read, with the place of each value."""
        return self._document

    @property
    def path(self) -> Path:
        """The file, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder of the file, absolute."""
        return self._path.parent

    def resolve(self, relative: str) -> Path:
        """The absolute path of what the file names, relative to its folder."""
        return Path(os.path.normpath(self.folder / relative))

    def normalized(self) -> dict[str, Any]:
        """The file as plain JSON values, sorted, defaults filled in; for digests and releases.

        Two files that mean the same give the same. Of an absolute path only the last part is kept,
        so that the result does not depend on the machine. What is not set is left out.
        """
        return dict(sorted((self._unset() | _plain(self, self.model_fields_set)).items()))

    def _unset(self) -> dict[str, Any]:
        """The normalized values of the keys that the file leaves out."""
        return _plain(self, type(self).model_fields.keys() - self.model_fields_set)


class Config(FileSection):
    """One model, from its source to its release."""

    name: Name = Field(
        description="The name of the model and of its folder under build/: [a-z0-9][a-z0-9.-]*."
    )
    version: Version = Field(default="0.0.0", description="The release's semantic version.")
    pipeline: Name = Field(
        default="default",
        description="The file of pipelines/, without .yaml, with the stages and the gates.",
    )
    source: Source = Field(description="Where the model comes from.")
    targets: Some[Target] = Field(
        default=("litert",),
        description="The runtimes the model must run on; `rnnlite targets` says what each takes.",
    )
    recurrent: Recurrent = section(Recurrent, "How recurrent layers are converted.")
    quantization: Quantization = section(Quantization, "Which numbers the model computes with.")
    converter: Converter = section(Converter, "What the converted model may hold.")
    verification: Verification = section(Verification, "How the model is compared with its source.")
    metadata: Metadata | None = Field(
        default=None, description="TFLite metadata, schema 1.5, written into the model."
    )
    package: Package = section(Package, "What the release holds besides the model.")
    annotations: FrozenDict[Text, str] = Field(
        default_factory=dict,
        validate_default=True,
        description="Free text to text, carried into the release.",
    )
    variants: FrozenDict[VariantName, Overrides] = Field(
        default_factory=dict,
        validate_default=True,
        exclude=True,  # what a release is made of does not change with the others beside it
        description="More releases of the same source, NAME-VARIANT each: by the variant's name,"
        " the keys of this file that it replaces. See the guide on variants.",
    )

    def rules(self) -> Iterator[Broken]:
        """A search needs labels to judge by."""
        if self.quantization.scheme == "auto" and not self.verification.data.path:
            yield (
                ("quantization", "scheme"),
                "auto needs labels: verification.data.path, not random data",
            )

    @property
    def variant(self) -> str:
        """The variant this is; empty for the config itself."""
        return self.document.variant

    @property
    def reference(self) -> Path:
        """What `load_config` reads this very config from: the file, or `CONFIG/VARIANT`."""
        return self.path / self.variant if self.variant else self.path

    @property
    def meant_for(self) -> tuple[Target, ...]:
        """The runtimes that each layer's form has to suit.

        Those of `targets`, and those that the config asks to verify the model on. A config that
        names the latter alone means them.
        """
        named = self.targets if "targets" in self.model_fields_set else ()
        asked: tuple[Target, ...] = self.verification.runtimes or ()
        return tuple(dict.fromkeys((*named, *asked))) or self.targets

    @property
    def uses_xnnpack(self) -> bool:
        """Whether XNNPACK runs some of the model: all of it, or what an accelerator leaves."""
        without = ("tflm", "ethos", "edgetpu")
        return not all(target.startswith(without) for target in self.meant_for)

    @property
    def _runnable(self) -> tuple[str, ...]:
        """The targets of a kind that can be run where this package is."""
        return tuple(target for target in self.targets if target in get_args(Runtime))

    @property
    def tolerance(self) -> float:
        """The largest absolute difference from the source that passes."""
        return self.verification.tolerance(self._scheme)

    @property
    def min_snr_db(self) -> float:
        """The least signal-to-noise ratio against the source that passes, in dB."""
        return self.verification.least_snr_db(self._scheme)

    @property
    def _scheme(self) -> Scheme:
        """The scheme; auto is settled before a model is judged (chosen.py)."""
        scheme = self.quantization.scheme
        if scheme == "auto":
            raise ValueError("scheme auto is not settled")
        return scheme

    def only(self, keys: Collection[str]) -> Config:
        """This config with some of its keys, and the defaults of all others.

        Args:
            keys: Names of keys, or `section.key` for one of a section. Without `name` the name is
                `model`.
        """
        kept = {key: getattr(self, key) for key in self.model_fields_set if key in keys}
        for key in keys:
            name, _, part = key.partition(".")
            if part and name not in keys:
                whole: Section = getattr(self, name)
                parts = {k for k in whole.model_fields_set if f"{name}.{k}" in keys}
                some = {k: getattr(whole, k) for k in parts}
                kept[name] = type(whole).model_construct(parts, **some)
        narrowed = _blank().model_copy(update=kept)
        narrowed._document, narrowed._path = self._document, self._path
        return narrowed

    def normalized(self) -> dict[str, Any]:
        """As of any file, with what follows from the scheme and the targets."""
        values = super().normalized()
        bounds: dict[str, Any] = {
            "runtimes": [*(self.verification.runtimes or self._runnable)],
        }
        if self.quantization.scheme != "auto":
            bounds |= {"max_abs_error": self.tolerance, "min_snr_db": self.min_snr_db}
        return values | {"verification": values["verification"] | bounds}

    def _unset(self) -> dict[str, Any]:
        """As of any file; the defaults are the same in all configs, and normalized once."""
        return {k: v for k, v in _defaults().items() if k not in self.model_fields_set}


@cache
def _blank() -> Config:
    """A config of which no key is set; sections are frozen, so they are shared."""
    given: dict[str, Any] = {"name": "model"}
    return Config.model_construct(set(), **given)


@cache
def _defaults() -> dict[str, Any]:
    """The normalized values of a config of which no key is set."""
    return _plain(_blank(), Config.model_fields.keys() - {"source"})


def _plain(values: FileSection, keys: Collection[str]) -> dict[str, Any]:
    """Some of the keys of a file as plain JSON values, see `FileSection.normalized`."""
    plain = values.model_dump(mode="json", exclude_none=True, include={*keys})
    return {k: v if k == "annotations" else _portable(v, k) for k, v in plain.items()}


#: The keys whose values are paths of files.
_PATHS = ("path", "weights", "labels", "vocabulary")


def _portable(value: Any, key: str = "") -> Any:
    """A value with its keys sorted; of an absolute path the last part."""
    if isinstance(value, dict):
        return {k: _portable(value[k], k) for k in sorted(value)}
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if key in _PATHS and isinstance(value, str):
        return Path(value).name if value.startswith("/") else value
    return value
