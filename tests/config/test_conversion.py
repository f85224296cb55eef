"""What is done with a model: rules between keys, and the defaults of each scheme."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from rnnlite_pipeline.config.base import Section
from rnnlite_pipeline.config.conversion import (
    CALIBRATED,
    SNR_DB,
    TOLERANCES,
    VALUE_TYPES,
    Asked,
    Data,
    Quantization,
    RandomData,
    Recurrent,
    Runtime,
    Scheme,
    Target,
    Verification,
)


def broken(section: type[Section], **values: Any) -> list[tuple[str, str]]:
    """The key and the message of each rule that is broken."""
    with pytest.raises(ValidationError) as caught:
        section.model_validate(values)
    (error,) = caught.value.errors()
    return [(".".join(map(str, loc)), message) for loc, message in error["ctx"]["broken"]]


CALIBRATION = {"path": "c.npz"}


@pytest.mark.parametrize(
    ("values", "key", "said"),
    [
        ({"scheme": "int8"}, "calibration", "required by scheme int8"),
        ({"scheme": "int16x8"}, "calibration", "required by scheme int16x8"),
        ({"scheme": "float16", "calibration": CALIBRATION}, "calibration", "has no calibration"),
        ({"calibration": CALIBRATION}, "calibration", "scheme none has no calibration"),
        ({"skip": ("a",)}, "skip", "nothing to skip"),
        ({"input_type": "int8"}, "input_type", "scheme none takes float32 here"),
        (
            {"scheme": "int8", "calibration": CALIBRATION, "output_type": "int16"},
            "output_type",
            "takes float32 or int8 or uint8 here",
        ),
        (
            {"scheme": "int16x8", "calibration": CALIBRATION, "input_type": "uint8"},
            "input_type",
            "takes float32 or int16 here",
        ),
        ({"scheme": "auto"}, "max_accuracy_drop", "required by scheme auto"),
        (
            {"scheme": "float16", "max_accuracy_drop": 0.0},
            "max_accuracy_drop",
            "only for scheme auto",
        ),
        (
            {"scheme": "auto", "max_accuracy_drop": 0.0, "skip": ("a",)},
            "skip",
            "finds what to skip",
        ),
        (
            {"scheme": "auto", "max_accuracy_drop": 0.0, "input_type": "int8"},
            "input_type",
            "scheme auto takes float32",
        ),
    ],
)
def test_a_key_has_to_suit_its_scheme(values: dict[str, Any], key: str, said: str) -> None:
    """One problem, at the key that is to be changed."""
    ((found, message),) = broken(Quantization, **values)
    assert found == key
    assert said in message


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"scheme": "dynamic_range", "skip": ("a", "b")},
        {"scheme": "float16", "skip": ("a",)},
        {"scheme": "int8", "calibration": CALIBRATION, "input_type": "uint8", "skip": ("a",)},
        {"scheme": "int16x8", "calibration": CALIBRATION, "output_type": "int16"},
        {"scheme": "auto", "max_accuracy_drop": 0.0},
        {"scheme": "auto", "max_accuracy_drop": 1.0, "calibration": CALIBRATION},
    ],
)
def test_keys_that_suit_each_other_are_taken(values: dict[str, Any]) -> None:
    """Every scheme with what it can have."""
    Quantization.model_validate(values)


def test_all_rules_that_are_broken_are_told_at_once() -> None:
    """So that one run of `validate` shows them all."""
    found = broken(Quantization, calibration=CALIBRATION, skip=("a",), input_type="int8")
    assert [key for key, _ in found] == ["calibration", "input_type", "skip"]


@pytest.mark.parametrize("value", ["keep", True, False])
def test_time_major_takes_three_values(value: Any) -> None:
    """As they are."""
    assert Recurrent(time_major=value).time_major is value


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", None])
def test_a_number_is_no_truth_value(value: Any) -> None:
    """1 == True in Python, and not in a config."""
    with pytest.raises(ValidationError):
        Recurrent.model_validate({"time_major": value})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "expected {path: FILE.npz} or {random:"),
        ({"path": "t.npz", "random": {}}, "not both"),
    ],
)
def test_data_is_a_file_or_random(values: dict[str, Any], said: str) -> None:
    """One of them, and not both."""
    ((_, message),) = broken(Data, **values)
    assert said in message


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_seed_is_what_numpy_takes(seed: float) -> None:
    """From 0 to 2**32 - 1."""
    with pytest.raises(ValidationError):
        RandomData.model_validate({"seed": seed})
    assert RandomData(seed=2**32 - 1).samples == 32


@pytest.mark.parametrize("key", ["min_accuracy", "max_accuracy_drop"])
def test_an_accuracy_needs_a_file_of_labels(key: str) -> None:
    """A limit of 0 is a limit too."""
    ((found, message),) = broken(Verification, **{key: 0.0})
    assert found == key
    assert "not random data" in message
    Verification.model_validate({key: 0.0, "data": {"path": "t.npz"}})


def test_a_config_s_own_bounds_go_before_those_of_its_scheme() -> None:
    """Also a ratio of 0 dB, and a negative one."""
    assert Verification().tolerance("int8") == TOLERANCES["int8"]
    assert Verification(max_abs_error=1e-3).tolerance("int8") == 1e-3
    assert Verification().least_snr_db("none") == SNR_DB["none"]
    assert Verification(min_snr_db=0.0).least_snr_db("none") == 0.0
    assert Verification(min_snr_db=-5.0).least_snr_db("none") == -5.0


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_bound_on_the_error_is_a_number_above_zero(value: float) -> None:
    """An infinite one would pass everything."""
    with pytest.raises(ValidationError):
        Verification(max_abs_error=value)


@pytest.mark.parametrize("runtimes", [(), ("litert", "litert"), ("qualcomm",)])
def test_runtimes_are_some_that_can_be_run_here(runtimes: tuple[str, ...]) -> None:
    """At least one, and each once."""
    with pytest.raises(ValidationError):
        Verification.model_validate({"runtimes": runtimes})


def test_the_tables_cover_every_choice() -> None:
    """Each scheme has its bounds; what can be run is a target; auto is no scheme of a model."""
    schemes = set(get_args(Scheme))
    assert set(TOLERANCES) == set(SNR_DB) == schemes == set(get_args(Asked)) - {"auto"}
    assert {*VALUE_TYPES, *CALIBRATED} <= schemes
    assert set(get_args(Runtime)) <= set(get_args(Target))
