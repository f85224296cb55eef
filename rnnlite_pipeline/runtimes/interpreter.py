"""Runs a .tflite model on LiteRT's interpreter.

The interpreter trusts a model: a bad graph can crash the process. Who runs a graph that was not
checked elsewhere runs it in a child process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import OPEN
from rnnlite_pipeline.graph.variables import RESET

#: The sets of kernels: the reference ones, those with the default delegate (XNNPACK), and the
#: optimized ones without a delegate.
Kernels = Literal["reference", "default", "no_delegate"]

#: The custom ops that LiteRT itself brings kernels for (kernels/register.cc).
CUSTOM_KERNELS = frozenset(
    {"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"}
)

#: What the interpreter says of an op it has no kernel for.
_LACKS = "Didn't find op"

_RESOLVERS = {
    "reference": OpResolverType.BUILTIN_REF,
    "default": OpResolverType.AUTO,
    "no_delegate": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}


@dataclass(frozen=True)
class Port:
    """An input or output: its name in the signature, -1 for each open dimension."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    index: int


class Runner:
    """One interpreter, kept between calls as an application keeps it.

    Args:
        model: The .tflite file: its bytes, or its path, which the runtime then maps into memory.
        kernels: Which kernels run it. The reference kernels lack some builtin ops (ELU; newer
            versions of STRIDED_SLICE): such a model runs on the optimized kernels without a
            delegate instead, and `note` says so.
        threads: How many threads the kernels may use.

    Attributes:
        kernels: The kernels that run it.
        note: Why these are others than were asked for; empty if they are not.
        inputs: By signature name; by tensor name where the model has no signature.
        outputs: Likewise.

    Raises:
        StageError: The runtime cannot load the model (an op it lacks, for instance).
    """

    def __init__(self, model: bytes | Path, kernels: Kernels = "default", threads: int = 1) -> None:
        self.kernels, self.note = kernels, ""
        try:
            self._interpreter = self._loaded(model, threads)
        except StageError as error:
            if kernels != "reference" or _LACKS not in error.message:
                raise
            self.kernels, self.note = "no_delegate", str(error.message).split(". ")[0]
            self._interpreter = self._loaded(model, threads)
        self.inputs = self._ports("inputs", self._interpreter.get_input_details())
        self.outputs = self._ports("outputs", self._interpreter.get_output_details())
        self._shapes: dict[str, tuple[int, ...]] | None = None

    def _loaded(self, model: bytes | Path, threads: int) -> Interpreter:
        by_path = isinstance(model, Path)
        try:
            return Interpreter(
                model_path=str(model) if by_path else None,
                model_content=None if by_path else model,
                experimental_op_resolver_type=_RESOLVERS[self.kernels],
                num_threads=threads,
            )
        except (RuntimeError, ValueError) as error:
            raise self._failed("load", error) from error

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model once.

        The interpreter is resized only when a shape differs from the last call's: resizing
        resets the variables, and would hide a state that leaks from call to call.

        Args:
            inputs: One array for each of `self.inputs`, of its dtype, open dimensions at will.

        Returns:
            A copy of each output.

        Raises:
            StageError: The inputs are not the model's, or the runtime fails.
        """
        arrays = self._checked(inputs)
        try:
            self.allocate({name: array.shape for name, array in arrays.items()})
            for name, array in arrays.items():
                self._interpreter.set_tensor(self.inputs[name].index, array)
            self.invoke()
            return self.results()
        except (RuntimeError, ValueError) as error:
            self._shapes = None
            raise self._failed("run", error) from error

    def invoke(self) -> None:
        """Runs the model again on the inputs of the last `run`; what else a call costs is left out.

        Raises:
            RuntimeError, ValueError: The runtime fails; `run` turns them into a StageError.
        """
        self._interpreter.invoke()

    def results(self) -> dict[str, NDArray[Any]]:
        """A copy of each output of the last call."""
        return {n: self._interpreter.get_tensor(p.index) for n, p in self.outputs.items()}

    def is_planned(self, output: str, shapes: dict[str, tuple[int, ...]]) -> bool:
        """Whether an output has memory before the model is run: its size is known by then.

        Args:
            output: Its name.
            shapes: The shape of each input.
        """
        self.allocate(shapes)
        try:
            self._interpreter.get_tensor(self.outputs[output].index)
        except ValueError:  # "Tensor data is null"
            return False
        return True

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values.

        Raises:
            StageError: The model has no signature `reset`.
        """
        try:
            self._interpreter.get_signature_runner(RESET)()
        except (RuntimeError, ValueError) as error:
            raise self._failed("reset", error) from error

    def allocate(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Gives the inputs their shapes and plans the memory, if the shapes are new.

        `run` does so itself; an application may do it any number of times before a call.

        Args:
            shapes: One for each of `self.inputs`.

        Raises:
            RuntimeError, ValueError: The model does not take them; `run` makes a StageError of it.
        """
        if shapes == self._shapes:
            return
        for name, shape in shapes.items():
            self._interpreter.resize_tensor_input(self.inputs[name].index, shape, strict=False)
        self._interpreter.allocate_tensors()
        self._shapes = dict(shapes)

    def _checked(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if inputs.keys() != self.inputs.keys():
            raise StageError(
                f"The model's inputs are {sorted(self.inputs)}; it was given {sorted(inputs)}."
            )
        arrays = {name: np.asarray(inputs[name]) for name in self.inputs}
        for name, port in self.inputs.items():
            array = arrays[name]
            if array.dtype != port.dtype:
                raise StageError(f"Input {name!r} takes {port.dtype}; it was given {array.dtype}.")
            if array.ndim != len(port.shape):
                raise StageError(
                    f"Input {name!r} has the shape {list(port.shape)}; it was given an array of "
                    f"the shape {list(array.shape)}."
                )
        return arrays

    def _ports(self, side: str, details: list[dict[str, Any]]) -> dict[str, Port]:
        # There is no public accessor of a signature's tensor indices.
        signatures = self._interpreter._get_full_signature_list()
        by_index = {d["index"]: d for d in details}
        named = next(
            (
                signature[side]
                for key, signature in signatures.items()
                if key != RESET and set(signature[side].values()) <= set(by_index)
            ),
            {d["name"]: d["index"] for d in details},
        )
        return {name: _port(name, by_index[index]) for name, index in named.items()}

    def _failed(self, what: str, error: Exception) -> StageError:
        return StageError(
            f"LiteRT cannot {what} the model on its {self.kernels} kernels: {error}",
            "Run `rnnlite inspect` to see which ops the runtime lacks.",
        )


#: The sizes that open dimensions have where a part of a model is loaded alone. A place for several
#: steps, say, is not filled by one.
OPEN_SIZES = (1, 4, 64)


def delegations(model: bytes) -> list[tuple[list[int], list[int]]]:
    """What each part of a model's main graph that the default delegate takes reads and puts out.

    Returns:
        The tensors' indices in the file, of each part.

    Raises:
        StageError: The runtime cannot load the model.
    """
    errors: list[Exception] = []
    for size in OPEN_SIZES:
        try:
            interpreter = Interpreter(model_content=model)
            for detail in interpreter.get_input_details():
                shape = [size if d == OPEN else int(d) for d in detail["shape_signature"]]
                if OPEN in detail["shape_signature"]:
                    interpreter.resize_tensor_input(detail["index"], shape)
            interpreter.allocate_tensors()
            break
        except (RuntimeError, ValueError) as error:
            errors.append(error)
    else:
        raise StageError(
            f"LiteRT cannot load a part of the model: {errors[0]}",
            f"It is loaded with open dimensions of {', '.join(map(str, OPEN_SIZES))}. Where one"
            " cannot be any of these, close it with source.inputs.",
            ("source", "inputs"),
        ) from errors[0]
    # There is no public accessor of the ops that run.
    return [
        ([int(i) for i in op["inputs"]], [int(i) for i in op["outputs"]])
        for op in interpreter._get_ops_details()
        if op["op_name"] == "DELEGATE"
    ]


def _port(name: str, detail: dict[str, Any]) -> Port:
    shape = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
    return Port(name, tuple(int(d) for d in shape), np.dtype(detail["dtype"]), detail["index"])
