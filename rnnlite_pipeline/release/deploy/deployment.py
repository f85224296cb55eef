"""What the code that runs a model must know about it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.graph.variables import RESET, Array
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.metadata.names import named_tensors
from rnnlite_pipeline.metadata.recurrent import HOW_TO_RESET, State, state_policy
from rnnlite_pipeline.release.deploy.text import plain
from rnnlite_pipeline.runtimes.missing import missing_ops
from rnnlite_pipeline.state import described


@dataclass(frozen=True)
class Port:
    """An input or output.

    Attributes:
        name: Its name in the signature.
        identifier: Its name in code.
        dtype: NumPy's name of its type.
        shape: The dimensions; None where open.
        scale: Of a quantized one: real = scale * (stored - zero_point); 0 for a real-valued one.
        zero_point: See scale.
        mean: What the caller subtracts: one for each channel, or one for all; empty for none.
        std: What the caller divides by, likewise.
        labels: The name of the packed file with a label for each value, or None.
    """

    name: str
    identifier: str
    dtype: str
    shape: tuple[int | None, ...]
    scale: float = 0.0
    zero_point: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: str | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The dimensions; -1 where open."""
        return tuple(-1 if d is None else d for d in self.shape)

    @property
    def closed(self) -> bool:
        """Whether all dimensions are known."""
        return None not in self.shape

    @property
    def count(self) -> int:
        """How many values it has; an open dimension counts as 1."""
        return math.prod(d or 1 for d in self.shape)

    @property
    def real(self) -> bool:
        """Whether its callers write and read real numbers: it is float32 or quantized."""
        return self.dtype == "float32" or bool(self.scale)

    @property
    def title(self) -> str:
        """Its name in the names of methods: `LstmHIn`."""
        return "".join(part[:1].upper() + part[1:] for part in self.identifier.split("_"))

    @property
    def described(self) -> str:
        """`image: float32 [?, 8, 8]`."""
        dimensions = ", ".join("?" if d is None else str(d) for d in self.shape)
        quantized = f", real = {self.scale!r} * (stored - {self.zero_point})" if self.scale else ""
        return f"{plain(self.name)}: {self.dtype} [{dimensions}]{quantized}"


@dataclass(frozen=True, eq=False)
class StatePort:
    """A state that the caller keeps: what comes out of one call goes into the next.

    Attributes:
        input: What a call starts from [B, width].
        output: What it ends with [B, width].
        first: What a sequence starts from [B or 1, width], real.
    """

    input: Port
    output: Port
    first: Array

    @property
    def row(self) -> list[float]:
        """What a sequence starts from, flat."""
        return [float(value) for value in np.ravel(self.first)]


@dataclass(frozen=True, eq=False)
class Deployment:
    """A model as its callers see it.

    Attributes:
        name: The config's name.
        version: The config's version.
        targets: The runtimes that it is made for; the code that is written follows from them.
        inputs: In the order of the graph.
        outputs: Likewise.
        state: What happens to the state between two calls.
        resets: Whether the signature `reset` brings back a state that is kept.
        states: Of explicit ones, input, output and initial value [B or 1, width].
        ops: The codes of its ops, sorted.
        missing: The ops among them that LiteRT lacks.
        variables: How many resource variables keep states.
        arena: Bytes of activations, none shared: more than TFLite Micro needs for them.
    """

    name: str
    version: str
    targets: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    state: State
    resets: bool
    states: tuple[tuple[str, str, Array], ...]
    ops: tuple[str, ...]
    missing: tuple[str, ...]
    variables: int
    arena: int

    @classmethod
    def of(cls, config: Config, model: Model, description: Description) -> Deployment:
        """What a converted model's callers must know, from the model and its metadata."""
        return cls(
            config.name,
            config.version,
            config.meant_for,
            _ports(model, description, "inputs"),
            _ports(model, description, "outputs"),
            state_policy(model, config.recurrent.state),
            any(signature.key == RESET for signature in model.signatures),
            tuple((s.input, s.output, s.initial) for s in described(model).states),
            tuple(sorted({op.code for op in model.ops()})),
            tuple(op.code for op in missing_ops(model)),
            len({op.options["shared_name"] for op in model.ops() if op.code == "VAR_HANDLE"}),
            _activations(model),
        )

    @cached_property
    def kept(self) -> tuple[StatePort, ...]:
        """The explicit states; none under another policy."""
        if self.state != "explicit":
            return ()
        inputs, outputs = ({p.name: p for p in side} for side in (self.inputs, self.outputs))
        return tuple(StatePort(inputs[i], outputs[o], first) for i, o, first in self.states)

    @property
    def data_inputs(self) -> tuple[Port, ...]:
        """The inputs that are no states."""
        states = {state.input.name for state in self.kept}
        return tuple(port for port in self.inputs if port.name not in states)

    @property
    def data_outputs(self) -> tuple[Port, ...]:
        """The outputs that are no states."""
        states = {state.output.name for state in self.kept}
        return tuple(port for port in self.outputs if port.name not in states)

    @property
    def snake(self) -> str:
        """The name in code: `digits_bilstm`."""
        return identifier(self.name)

    @property
    def camel(self) -> str:
        """The name of a class: `DigitsBilstm`."""
        return "".join(part[:1].upper() + part[1:] for part in self.snake.split("_"))

    @property
    def reset(self) -> str:
        """How to start a new sequence."""
        return HOW_TO_RESET[self.state]


_WORDS = """
and as assert auto break case catch char class const continue def default del delete do double elif
else enum except explicit export extern false final finally float for from fun global goto if import
in inline input int interface invoke is it lambda long model new not null object operator or output
package private protected public raise register reset resize return run short signed sizeof static
struct super switch template this throw true try type typealias typeof union unsigned using val var
virtual void volatile when while with yield
"""

#: Words that are no identifiers in one of the languages, and names the generated code uses.
_TAKEN = frozenset(_WORDS.split())


def identifier(name: str) -> str:
    """A name as all of the languages can say it."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    if not plain[:1].isalpha():
        plain = f"tensor_{plain}".rstrip("_")
    return f"{plain}_" if plain in _TAKEN else plain


def _ports(model: Model, description: Description, side: str) -> tuple[Port, ...]:
    told = {each.get("name"): each for each in description.tensors(side)}
    ports: list[Port] = []
    for name, tensor in named_tensors(model, side).items():
        taken = [port.identifier for port in ports]
        code = identifier(name)
        while code in taken:
            code = f"{code}_{len(ports)}"
        ports.append(_port(name, code, tensor, told.get(name, {})))
    return tuple(ports)


def _port(name: str, code: str, tensor: Tensor, told: Mapping[str, Any]) -> Port:
    quantization = tensor.quantization
    scale = (quantization.scale if quantization else ()) or (0.0,)
    zero_point = (quantization.zero_point if quantization else ()) or (0,)
    units = [unit.get("options", {}) for unit in told.get("process_units", [])]
    options: Mapping[str, Any] = next((each for each in units if "mean" in each), {})
    return Port(
        name,
        code,
        NUMPY[tensor.dtype].name if tensor.dtype in NUMPY else tensor.dtype.lower(),
        tuple(None if d == OPEN else d for d in tensor.shape or ()),
        scale[0],
        zero_point[0],
        tuple(options.get("mean", ())),
        tuple(options.get("std", ())),
        next((file["name"] for file in told.get("associated_files", [])), None),
    )


def _activations(model: Model) -> int:
    total = 0
    for subgraph in model.subgraphs:
        made = {t for op in subgraph.ops for t in (*op.inputs, *op.outputs, *op.intermediates) if t}
        for tensor in made:
            if tensor.data is None and tensor.dtype in NUMPY:
                size = NUMPY[tensor.dtype].itemsize
                for dimension in tensor.shape or ():
                    size *= max(dimension, 1)
                total += -(-size // 16) * 16
    return total
