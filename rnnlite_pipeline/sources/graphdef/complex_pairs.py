"""Complex tensors become pairs of real ones: LiteRT has next to no op for complex numbers.

Speech models take a spectrum, change it, and go back: STFT, mask, inverse STFT.

Rules:
    1. A complex tensor is its real and its imaginary part. A part that is known to be zero, as
       the imaginary part of what was real, is no tensor.
    2. Ops that move or add values are done once for each part; products are those of the parts;
       functions, and Fourier transforms, are the nodes of what complex_math.py computes.
    3. Loops, branches and functions carry both parts, and so do the ops of control flow v1. An
       element of a list of complex tensors has the parts as a last axis of 2.
    4. RFFT and RFFT2D in float32 stay where LiteRT's RFFT2D has their lengths, powers of two
       (kernels/rfft2d.cc), and so do the Real, Imag and ComplexAbs of their results, which LiteRT
       has as well. A graph that needs no more than this stays as it is.
    5. An op that is not known gets complex numbers, made of the parts, and its results are taken
       apart. It stays, for `convert` to refuse by name.
"""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.sources.graphdef.complex_math import (
    COMPLEX,
    REAL,
    div,
    power,
    real_inverse,
    real_transform,
    transform,
)
from rnnlite_pipeline.sources.graphdef.complex_scope import Call, Scope
from rnnlite_pipeline.sources.graphdef.graph_edit import nodes_of, rewritten
from rnnlite_pipeline.sources.graphdef.nodes import scopes_of
from rnnlite_pipeline.toolchain import load

#: What the functions of a changed graph are called besides: those of the graph as it was are there.
_SUFFIX = "_of_pairs"


def real_pairs(function: Any) -> Any:
    """A frozen concrete function without complex tensors; itself where rule 4 keeps them all."""
    definition = function.graph.as_graph_def()
    if not any(map(_computes_with_complex, nodes_of(definition))):
        return function
    own = [f.signature.name for f in definition.library.function]
    scopes = scopes_of(Scope, function, definition)
    outputs = [t.name for t in function.outputs]
    for scope in scopes:
        scope.rewrite(_call_for)
    if not any(scope.is_changed for scope in scopes):
        return function
    real = [scopes[0].real(name) for name in outputs]
    return rewritten(definition, function, _SUFFIX, own, real)


def _computes_with_complex(node: Any) -> bool:
    tf = load("tensorflow")
    types = [value.type for value in node.attr.values() if value.WhichOneof("value") == "type"]
    return any(each in (tf.complex64, tf.complex128) for each in map(tf.as_dtype, types))


def _call_for(scope: Scope, node: Any) -> Call | None:
    """What computes the results of an op on pairs, as a function of pairs; None if none does."""
    operands = [scope.tensor(name) for name in scope.operands(node)]
    first = operands[0] if operands else None
    if node.op in COMPLEX:
        return lambda z: [COMPLEX[node.op](z)]
    if node.op in REAL:
        return lambda z: [REAL[node.op](z)]
    if node.op in ("Div", "RealDiv"):
        return lambda z, w: [div(z, w)]
    if node.op == "Pow":
        exponent = _number(operands[1])
        return None if exponent is None else lambda z, _: [power(z, exponent)]
    if first is None or first.shape.rank is None:
        return None
    if node.op in _TRANSFORMS:
        axes, inverse = _TRANSFORMS[node.op]
        if first.shape.rank < axes or None in first.shape[-axes:].as_list():
            return None
        return lambda z: [transform(z, axes, inverse=inverse)]
    if node.op in _REAL_TRANSFORMS:
        lengths = load("tensorflow").get_static_value(operands[1])
        if lengths is None or scope.has_kernel(node):
            return None
        points = [int(n) for n in lengths]
        if _REAL_TRANSFORMS[node.op]:
            return lambda z, _: [real_inverse(z, points)]
        return lambda z, _: [real_transform(z[0], points)]
    return None


#: How many axes, and whether it is the inverse.
_TRANSFORMS = {
    f"{'I' * inverse}FFT{'' if axes == 1 else f'{axes}D'}": (axes, inverse)
    for axes in (1, 2, 3)
    for inverse in (False, True)
}
_REAL_TRANSFORMS = {
    f"{'I' * inverse}RFFT{axes}": inverse for axes in ("", "2D", "3D") for inverse in (False, True)
}


def _number(exponent: Any) -> float | None:
    """A real number that is known."""
    value = load("tensorflow").get_static_value(exponent)
    if value is None or value.size != 1 or value.imag.any():
        return None
    return float(value.real.item())
