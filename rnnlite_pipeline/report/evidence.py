"""The results of a verification, as plain values: one `Check` for each judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.compare.decisions import expectations, predictions
from rnnlite_pipeline.compare.distance import Array

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config
    from rnnlite_pipeline.graph.ir import Model


@dataclass(frozen=True)
class Check:
    """One judgement.

    Attributes:
        name: The check, such as "equals the source" or "gate max_bytes".
        passed: The verdict.
        detail: The result in words; of a passed check it may be empty.
        remedy: What to do if it failed.
        data: The name of the judged case. This and the next fields are None if there is no case.
        kernels: "reference" or "default".
        batch: The batch sizes of its calls.
        call: 1 for the first call on an input, 2 for the second.
        output: The output's name.
        max_abs_error: The largest difference from the source.
        scale: What the tolerance is a fraction of (compare/distance.py, rule 2).
        rounding: How much one rounding of the input changes the source's output (rule 3).
        limit: The largest difference with which the check passes.
        snr_db: The signal-to-noise ratio (noise.py).
        min_snr_db: The lowest ratio with which the check passes.
        asked: Where the check is asked for, `pipelines/release.yaml:7`; empty if it is always made.
    """

    name: str
    passed: bool
    detail: str = ""
    remedy: str = ""
    data: str | None = None
    kernels: str | None = None
    batch: tuple[int, ...] | None = None
    call: int | None = None
    output: str | None = None
    max_abs_error: float | None = None
    scale: float | None = None
    rounding: float | None = None
    limit: float | None = None
    snr_db: float | None = None
    min_snr_db: float | None = None
    asked: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields that are not empty. JSON has no infinity: an infinite error is "inf"."""
        fields = _said(self)
        if self.passed:
            fields.pop("remedy", None)
        return {key: _json(value) for key, value in fields.items()}

    def __str__(self) -> str:
        where = [
            f'output "{self.output}"' if self.output else "",
            f'"{self.data}" input' if self.data else "",
            f"batch {', '.join(map(str, self.batch))}" if self.batch else "",
            f"call {self.call}" if self.call else "",
            f"{self.kernels} kernels" if self.kernels else "",
        ]
        place = ", ".join(filter(None, where))
        figures = ""
        if self.max_abs_error is not None and self.limit is not None:
            part = f" ({self.max_abs_error / self.scale:.2g} of its scale)" if self.scale else ""
            figures = f"error {self.max_abs_error:.3g}{part}, at most {self.limit:.3g} passes"
        noise = ""
        if self.snr_db is not None and self.min_snr_db is not None:
            noise = f"signal to noise {self.snr_db:.3g} dB, at least {self.min_snr_db:.3g} passes"
        found = "; ".join(filter(None, (self.detail, figures, noise)))
        asked = f"{self.asked}: " if self.asked else ""
        name = f"{self.name} ({place})" if place else self.name
        return f"{asked}{name}{f': {found}' if found else ''}"


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of an output, in the source and in the converted model (`litert`)."""

    output: str
    kernels: str
    samples: int
    source: float
    litert: float


@dataclass(frozen=True)
class Held:
    """How a model is checked for one of its targets, and the result.

    Attributes:
        held: "run", "compiled", or "by table".
        takes: Whether the target takes the model.
        reasons: Why not; of a compiled model, what stays on the CPU.
        not_run: Why it was not run or compiled here; empty where it was.
        numbers_from: The runtimes whose results are used for the target.
        accelerator: Vela's name of the configuration. The fields below are Vela's figures.
        npu_share: The share of operations on the NPU.
        npu_ops: How many operations are on the NPU.
        cycles: Vela's estimate of one call.
        sram_bytes: The SRAM that a call needs.
        flash_bytes: The flash memory for the weights.
        macs: Multiply-adds of one call.
    """

    held: str
    takes: bool
    reasons: Sequence[str] = ()
    not_run: str = ""
    numbers_from: Sequence[str] = ()
    accelerator: str = ""
    npu_share: float | None = None
    npu_ops: int | None = None
    cycles: float | None = None
    sram_bytes: int | None = None
    flash_bytes: int | None = None
    macs: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields that are not empty, and `reasons`."""
        return _said(self) | {"reasons": list(self.reasons)}


@dataclass
class Facts:
    """Figures of the model: sections of verification.json. Each is empty until it is known.

    Attributes:
        name: The model's name.
        pipeline: The name of its pipeline.
        model_sha256: The digest of model.tflite.
        bytes: Sizes: of the graph as imported, "source", and of the "model".
        tolerance: The largest absolute error that passes.
        min_snr_db: The least signal-to-noise ratio that passes, in dB.
        ops: How many ops of each name: in the graph as imported, "source", and in the "model".
        versions: The versions of the packages that made and verified it.
        batch_axes: The batch axis of each input; empty if it is the first axis everywhere.
        ops_on_tensorflow: The ops that LiteRT lacks and that TensorFlow ran.
        unverified_ops: The ops that no runtime here can run, and why.
        tflm: Figures of TensorFlow Lite Micro: "arena_bytes".
        interpreters: The results of many interpreters at once (verify/interpreters.py).
        work: What was run on both sets of kernels: "samples" of the data; the multiply-adds of a
            call for each batch entry, "fixed" and "per_step"; and all "multiply_adds" by kernels.
        targets: How it is checked for each target.
        quantization: The outcome of each op, and the noise (verify/figures.py).
    """

    name: str
    pipeline: str = ""
    model_sha256: str = ""
    bytes: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 0.0
    min_snr_db: float = 0.0
    ops: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    batch_axes: Mapping[str, int] = field(default_factory=dict)
    ops_on_tensorflow: Sequence[str] = ()
    unverified_ops: Mapping[str, str] = field(default_factory=dict)
    tflm: Mapping[str, int] = field(default_factory=dict)
    interpreters: Mapping[str, Any] = field(default_factory=dict)
    work: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Held] = field(default_factory=dict)
    quantization: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The sections that are not empty."""
        held = {name: each.as_json() for name, each in self.targets.items()}
        return _said(self) | ({"targets": held} if held else {})


@dataclass(frozen=True, eq=False)
class About:
    """What the report says about a model besides its verification.

    Attributes:
        config: The model's config.
        source: The source's graph as imported.
        model: The converted model.
        layers: The recurrent layers, as convert wrote them (layer_record.py).
        digests: The sha256 of each file that it was made or verified from, by what the file is.
    """

    config: Config
    source: Model
    model: Model
    layers: list[dict[str, Any]] = field(default_factory=list)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Evidence:
    """All results about a model so far. A verification adds to it until it ends or breaks off.

    Attributes:
        facts: Figures of the model: sha256, sizes, ops, versions, targets.
        checks: The judgements in the order they were made.
        accuracy: The accuracy of each output; empty if the data has no labels.
        skipped: The cases that were left out or made smaller, and why.
        profiles: For the report: the values of each output on the data, of the source and of the
            model, each [N, ...].
        profiled_on: For the report: the kernels of these values; the default kernels if they ran.
        labels: For the report: the labels of each output that has some.
        about: For the report: the model itself, once it has been read.
        broken_off: What ended the verification early; empty if nothing did.
    """

    facts: Facts
    checks: list[Check] = field(default_factory=list)
    accuracy: list[Accuracy] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    profiled_on: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Array] = field(default_factory=dict)
    about: About | None = None
    broken_off: str = ""

    def decisions(self, output: str) -> tuple[Array, Array, Array]:
        """The class numbers of labels, source and model on the data, each [predictions]."""
        source, model = self.profiles[output]
        expected = expectations(model, self.labels[output])
        found = (expected, predictions(source), predictions(model))
        labels, theirs, ours = (np.ravel(each).astype(np.int64) for each in found)
        return labels, theirs, ours

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    @property
    def headlines(self) -> list[Check]:
        """The failed checks; of each output on each input only the run with the largest error."""
        worst: dict[tuple[str, str | None, str | None], Check] = {}
        for check in self.failed:
            key = (check.name, check.data, check.output)
            if key not in worst or (check.max_abs_error or 0) > (worst[key].max_abs_error or 0):
                worst[key] = check
        return list(worst.values())

    @property
    def passed(self) -> bool:
        """Whether the model may be released: it was compared, and everything passed."""
        return self.max_abs_error is not None and not self.failed and not self.broken_off

    @property
    def worst(self) -> Check | None:
        """The check with the largest error on input that is not extreme; the first of equal ones.

        All outputs, kernels and calls count.
        """
        judged = [c for c in self.checks if c.max_abs_error is not None and c.rounding is None]
        return max(judged, key=lambda check: check.max_abs_error or 0.0, default=None)

    @property
    def max_abs_error(self) -> float | None:
        """The error of `worst`; None where nothing was compared."""
        return self.worst.max_abs_error if self.worst else None

    def as_json(self) -> dict[str, Any]:
        """The content of verification.json. It has no time, path or host name."""
        content: dict[str, Any] = {
            **self.facts.as_json(),
            "passed": self.passed,
            "max_abs_error": _json(self.max_abs_error),
            "accuracy": [vars(each) for each in self.accuracy],
            "checks": [check.as_json() for check in self.checks],
            "skipped": self.skipped,
        }
        return content | ({"broken_off": self.broken_off} if self.broken_off else {})


def _json(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _said(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are neither None nor empty."""
    return {k: v for k, v in asdict(value).items() if v is not None and v not in ("", (), [], {})}
