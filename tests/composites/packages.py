"""Packages that register converters, some of them wrong, as if they were installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

NAME = "acme.Doubling"

#: What the package's module holds, by the name of its converter.
CODE = '''
"""A package of converters, some of them wrong."""
from rnnlite_pipeline.composites import Refused
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn

import numpy as np


def adds(call):
    """x + x, in graph ops."""
    return [call.build.binary("ADD", call.operands[0], call.operands[0])]


def squares(call):
    """Not what it says."""
    return [call.build.binary("MUL", call.operands[0], call.operands[0])]


def recurs(call):
    """A recurrence that doubles its input and forgets."""
    width = call.operands[0].shape[-1]
    cell = SimpleRnn(2.0 * np.eye(width), np.zeros((width, width)), np.zeros(width), "NONE")
    return Recurrence(call.layer, cell, time_major=False)


def fails(call):
    """Raises."""
    raise KeyError("kernel")


def refuses(call):
    """Says why not."""
    raise Refused("it has no projection")


def steps(call):
    """One step of the recurrence, of a row."""
    width = call.operands[0].shape[-1]
    cell = SimpleRnn(2.0 * np.eye(width), np.zeros((width, width)), np.zeros(width), "NONE")
    x = call.build.expand_dims(call.operands[0], 0)
    return [call.run(Recurrence(call.layer, cell), x)[1]]


def too_wide(call):
    """A recurrence over more features than there are."""
    return Recurrence(call.layer, SimpleRnn(np.zeros((2, 5)), np.zeros((2, 2)), np.zeros(2)))


def operand(call):
    """What it did not make."""
    return [call.operands[0]]


def too_many(call):
    """Two tensors for one result."""
    return adds(call) + adds(call)


def mistakes(call):
    """Returns what is no list of tensors."""
    return call.operands[0]
'''


def install(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    package: str = "acme",
    patterns: tuple[str, ...] = ("acme.D*",),
) -> None:
    """Installs `package` 1.2, which registers one of `CODE`'s functions, until the test ends."""
    site = folder / package
    about = site / f"{package}-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    entries = [f"{pattern} = {package}_module:{function}\n" for pattern in patterns]
    (about / "entry_points.txt").write_text("[rnnlite.converters]\n" + "".join(entries))
    (site / f"{package}_module.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, f"{package}_module", raising=False)
