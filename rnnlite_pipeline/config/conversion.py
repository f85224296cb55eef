"""`recurrent:`, `quantization:`, `converter:`, `verification:` what is done with the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rnnlite_pipeline.config.base import (
    Broken,
    Count,
    Distinct,
    Finite,
    Fraction,
    Positive,
    Section,
    Some,
    Text,
)

Scheme = Literal["none", "dynamic_range", "float16", "int8", "int16x8"]
#: What `quantization.scheme` can say: a scheme, or that one is to be found.
Asked = Literal["none", "dynamic_range", "float16", "int8", "int16x8", "auto"]
ValueType = Literal["float32", "int8", "int16", "uint8"]
#: The runtimes that a model can be run on here.
Runtime = Literal["litert", "litert-compiled", "litert-web", "tflm"]
#: The runtimes of `rnnlite_pipeline.runtimes`, by name.
Target = Literal[
    "litert",
    "litert-compiled",
    "litert-web",
    "tflm",
    "tflm-cmsis-nn",
    "ethos-u55",
    "ethos-u65",
    "ethos-u85",
    "litert-gpu",
    "qualcomm",
    "mediatek",
    "google-tensor",
    "edgetpu",
]

#: The types a model's inputs and outputs can have, by scheme; float32 where not named.
VALUE_TYPES: dict[str, tuple[ValueType, ...]] = {
    "int8": ("float32", "int8", "uint8"),
    "int16x8": ("float32", "int16"),
}

#: The schemes that measure the range of every value on a calibration set.
CALIBRATED: tuple[Scheme, ...] = ("int8", "int16x8")

#: The default of max_abs_error: what the scheme's own rounding costs on outputs of the order
#: of 1, as probabilities are.
TOLERANCES: dict[Scheme, float] = {
    "none": 1e-5,
    "float16": 5e-3,
    "dynamic_range": 5e-2,
    "int8": 1e-1,
    "int16x8": 2e-2,
}

#: The default of min_snr_db: far below what a scheme costs where it works, some 50 dB in float16,
#: 30 in the others, and far above the 0 dB of an output that is stuck (verify/noise.py).
SNR_DB: dict[Scheme, float] = {
    "none": 20.0,
    "float16": 20.0,
    "dynamic_range": 10.0,
    "int8": 10.0,
    "int16x8": 10.0,
}


def _no_number(value: object) -> object:
    """1 is not true, though Python, and so pydantic's Literal, thinks it equal."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("expected keep, true or false")
    return value


TimeMajor = Annotated[Literal["keep", True, False], BeforeValidator(_no_number)]


class Recurrent(Section):
    """How recurrent layers are converted."""

    time_major: TimeMajor = Field(
        default="keep",
        description="The layout the recurrent ops run in: time first (true), batch first"
        " (false), or as the source has it (keep). The model's inputs and outputs do not change.",
    )
    bidirectional: Literal["group", "split"] = Field(
        default="group",
        description="A forward and a backward layer of one input as one BIDIRECTIONAL_SEQUENCE_*"
        " op (group), or as two unidirectional ops (split).",
    )
    state: Literal["source", "reset", "persist", "explicit"] = Field(
        default="source",
        description="The states from which a call starts. source: as in the source. reset: the"
        " initial states. persist: the states at the end of the previous call. explicit: inputs of"
        " the model, with an output for each state at the end.",
    )
    lowering: Literal["auto", "fused", "loop", "unrolled", "fastest"] = Field(
        default="auto",
        description="auto: the fused op if it computes exactly the same and all targets take it,"
        " else a loop, else unrolled steps. fused: the fused op, or an error. loop: always a loop."
        " unrolled: always unrolled steps; the length must be known. fastest: the form that is"
        " fastest on this machine.",
    )


class Calibration(Section):
    """The data that ranges are measured on."""

    path: Text = Field(
        description="An .npz file with one array per input, named as the input, relative to this"
        " file."
    )
    samples: Count = Field(
        default=200, description="How many samples of the file are used, at most."
    )


class Quantization(Section):
    """Which numbers the model computes with."""

    scheme: Asked = Field(
        default="none",
        description="none: float32. float16: weights in float16. dynamic_range: weights in int8."
        " int8: weights and activations. int16x8: activations in int16, weights in int8. auto: the"
        " smallest model among these, and among layers left in float, that keeps"
        " max_accuracy_drop.",
    )
    max_accuracy_drop: Fraction | None = Field(
        default=None,
        description="Needed by auto: the largest loss of accuracy against the model in float, on"
        " the labels of verification.data.",
    )
    calibration: Calibration | None = Field(
        default=None,
        description="Needed by int8 and int16x8: the data to measure ranges on. auto tries these"
        " two where it is given.",
    )
    input_type: ValueType = Field(
        default="float32",
        description="The type of the inputs: of int8 also int8 and uint8, of int16x8 also int16.",
    )
    output_type: ValueType = Field(
        default="float32",
        description="The type of the outputs: of int8 also int8 and uint8, of int16x8 also int16.",
    )
    skip: Distinct[Text] = Field(default=(), description="Names of layers that stay in float32.")

    def rules(self) -> Iterator[Broken]:
        """Calibration where it is used and only there; types the scheme has."""
        calibrated, searched = self.scheme in CALIBRATED, self.scheme == "auto"
        if searched and self.max_accuracy_drop is None:
            yield ("max_accuracy_drop",), "required by scheme auto: a number such as 0.005"
        if not searched and self.max_accuracy_drop is not None:
            yield (
                ("max_accuracy_drop",),
                "only for scheme auto; verification.max_accuracy_drop judges any scheme",
            )
        if searched and self.skip:
            yield ("skip",), "scheme auto finds what to skip; leave it out"
        if calibrated and self.calibration is None:
            yield ("calibration",), f"required by scheme {self.scheme}: {{path: FILE.npz}}"
        if not calibrated and not searched and self.calibration is not None:
            yield (
                ("calibration",),
                f"scheme {self.scheme} has no calibration; only int8, int16x8, auto",
            )
        allowed = VALUE_TYPES.get(self.scheme, ("float32",))
        for key in ("input_type", "output_type"):
            if getattr(self, key) not in allowed:
                yield (key,), f"scheme {self.scheme} takes {' or '.join(allowed)} here"
        if self.scheme == "none" and self.skip:
            yield ("skip",), "scheme none quantizes nothing, so there is nothing to skip"


class Converter(Section):
    """What the converted model may hold."""

    allow_custom_ops: bool = Field(
        default=False,
        description="Whether ops that the application must add to the runtime may stay in the"
        " model.",
    )
    select_tf_ops: bool = Field(
        default=False, description="Whether Flex ops, TensorFlow's own, may stay in the model."
    )


class RandomData(Section):
    """Samples made up from a seed."""

    samples: Count = Field(default=32, description="How many samples.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="The seed; the same one gives the same samples."
    )


class Data(Section):
    """The samples on which model and source are compared: a file's, or random ones."""

    path: Text | None = Field(
        default=None,
        description="An .npz file with one array per input, named as the input, and optionally"
        " `labels`, relative to this file; one row per sample in each array, even where the model"
        " takes [time, batch, ...].",
    )
    random: RandomData | None = Field(default=None, description="Random samples, instead of path.")

    def rules(self) -> Iterator[Broken]:
        """A file or random samples."""
        if self.path and self.random:
            yield ("random",), "give path or random, not both"
        if not self.path and not self.random:
            yield (), "expected {path: FILE.npz} or {random: {samples: 32, seed: 0}}"


class Verification(Section):
    """How the model is compared with its source."""

    data: Data = Field(
        default=Data(random=RandomData()), description="The samples; 32 random ones by default."
    )
    max_abs_error: Positive | None = Field(
        default=None,
        description="The largest difference from the source that passes, of any output value."
        f" Default by scheme: {', '.join(f'{s} {t:g}' for s, t in TOLERANCES.items())}.",
    )
    min_snr_db: Finite | None = Field(
        default=None,
        description="The least signal-to-noise ratio against the source that passes, of any"
        " output, in dB; an output that does not vary with the input has 0 or less. Default by"
        f" scheme: {', '.join(f'{s} {t:g}' for s, t in SNR_DB.items())}.",
    )
    min_accuracy: Fraction | None = Field(
        default=None, description="The lowest accuracy that passes, where data has labels."
    )
    max_accuracy_drop: Fraction | None = Field(
        default=None,
        description="The largest loss of accuracy against the source that passes, where data has"
        " labels.",
    )
    runtimes: Some[Runtime] | None = Field(
        default=None,
        description="The runtimes the model is run on; those of `targets` that can be run here by"
        " default.",
    )

    def rules(self) -> Iterator[Broken]:
        """Accuracy needs labels, and random samples have none."""
        for key in ("min_accuracy", "max_accuracy_drop"):
            if getattr(self, key) is not None and not self.data.path:
                yield (key,), "needs labels: verification.data.path, not random data"

    def tolerance(self, scheme: Scheme) -> float:
        """The largest absolute difference that passes: `max_abs_error`, or the scheme's own."""
        return TOLERANCES[scheme] if self.max_abs_error is None else self.max_abs_error

    def least_snr_db(self, scheme: Scheme) -> float:
        """The least ratio that passes: `min_snr_db`, or the scheme's own."""
        return SNR_DB[scheme] if self.min_snr_db is None else self.min_snr_db
