"""What the code that runs a model must know of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Tensor
from rnnlite_pipeline.graph.variables import RESET, Array
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.metadata.names import named_tensors
from rnnlite_pipeline.metadata.recurrent import HOW_TO_RESET, State, state_policy
from rnnlite_pipeline.release.deploy.micro import why_not_tflm
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
        mean: What the caller subtracts, one a channel or one for all; empty for none.
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
    def described(self) -> str:
        """`image: float32 [?, 8, 8]`."""
        dimensions = ", ".join("?" if d is None else str(d) for d in self.shape)
        quantized = f", real = {self.scale!r} * (stored - {self.zero_point})" if self.scale else ""
        return f"{plain(self.name)}: {self.dtype} [{dimensions}]{quantized}"


@dataclass(frozen=True, eq=False)
class Deployment:
    """A model as its callers see it.

    Attributes:
        name: The config's name.
        version: The config's version.
        inputs: In the order of the graph.
        outputs: Likewise.
        state: What happens to the state between two calls.
        resets: Whether the signature `reset` brings back a state that is kept.
        states: Of explicit ones, input, output and initial value [B or 1, width].
        ops: The codes of its ops, sorted.
        missing: Those of them that LiteRT lacks.
        not_on_tflm: Why it does not run on TFLite Micro; empty where it does.
        arena: Bytes of activations, none shared: more than TFLite Micro needs for them.
    """

    name: str
    version: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    state: State
    resets: bool
    states: tuple[tuple[str, str, Array], ...]
    ops: tuple[str, ...]
    missing: tuple[str, ...]
    not_on_tflm: tuple[str, ...]
    arena: int

    @classmethod
    def of(cls, config: Config, model: Model, description: Description) -> Deployment:
        """What a converted model's callers must know, from the model and its metadata."""
        return cls(
            config.name,
            config.version,
            _ports(model, description, "inputs"),
            _ports(model, description, "outputs"),
            state_policy(model, config.recurrent.state),
            any(signature.key == RESET for signature in model.signatures),
            tuple((s.input, s.output, s.initial) for s in described(model).states),
            tuple(sorted({op.code for op in model.ops()})),
            tuple(op.code for op in missing_ops(model)),
            tuple(why_not_tflm(model)),
            _activations(model),
        )

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
        code = f"{code}_{len(ports)}" if code in taken else code
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
