"""The machine that times were measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from rnnlite_pipeline.latency import machine as module
from rnnlite_pipeline.latency.machine import machine


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R) Xeon(R)\n", "Intel(R) Xeon(R)"),
        ("cpu family\t: 6\ncpu MHz\t: 2000\ncpu\t\t: POWER9, altivec\n", "POWER9, altivec"),
        ("BogoMIPS\t: 108.00\nHardware\t: BCM2711\nModel\t\t: Raspberry Pi 4\n", "BCM2711"),
        ("model name\t:\nflags\t: fpu vme\n", "unknown"),
        ("model name\t: \n", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)  # fmt: skip
def test_a_processor_is_called_as_it_calls_itself(
    told: str | None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of each architecture; where that is empty as Python knows it."""
    cpus = tmp_path / "cpuinfo"
    if told is not None:
        cpus.write_bytes(told.encode() + b"\xff\n")
    monkeypatch.setattr(module, "_CPUS", cpus)
    monkeypatch.setattr(platform, "processor", lambda: "unknown")
    assert machine()["processor"] == name


def test_nothing_tells_whose_machine_it_is() -> None:
    """The processor, the architecture, how many there are, and the system; no host, no user."""
    found = machine()
    assert list(found) == ["processor", "architecture", "processors", "system"]
    assert platform.node() not in map(str, found.values())
    assert isinstance(found["processors"], int)
    assert found["processors"] >= 1
