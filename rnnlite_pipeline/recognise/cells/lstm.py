"""c' = f*c + i*g and h' = o*activation(c'), in every variant of the fused op."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.atoms import Apply, Atom, Factor, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form, of
from rnnlite_pipeline.algebra.maps import Map
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.cells.recurrence import Gate, Lstm
from rnnlite_pipeline.recognise.cells.gates import Affine, Inputs, affine, clipped, sigmoid_of
from rnnlite_pipeline.recognise.cells.layer_norm import normalization
from rnnlite_pipeline.recognise.cells.simple_rnn import ACTIVATION
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.state import State
from rnnlite_pipeline.recognise.loop.systems import System


def match(loop: Loop, system: System) -> tuple[Lstm, tuple[State, ...], Inputs]:
    """Reads a system of two states as an LSTM; gives the cell, (h, c) and the inputs.

    Raises:
        Unrecognised: It is none; the message names the part that differs.
    """
    if len(system.states) != 2:
        raise Unrecognised(f"it carries {len(system.states)} states, an LSTM two")
    first, second = system.states
    problems = []
    for h, c in ((first, second), (second, first)):
        if not any(s.key == h.after.key for s in c.equation.symbols()):
            try:
                return _match(loop, system, h, c)
            except Unrecognised as problem:
                problems.append(str(problem))
    raise Unrecognised(min(problems, key=len) if problems else "its states read each other's news")


def _match(
    loop: Loop, system: System, h: State, c: State
) -> tuple[Lstm, tuple[State, ...], Inputs]:
    cell_form, cell_clip = clipped(c.equation)
    forget, input_, candidate = _cell_update(cell_form, c.before)
    emitted, projection, projection_bias, projection_clip = _projected(h.equation, c)
    output, activation_out = _emission(emitted, c.after)
    activation, argument = _activated(candidate)
    if activation_out != activation:
        raise Unrecognised(
            f"its candidate uses {activation.lower()} and its output {activation_out.lower()}"
        )
    inputs = Inputs(loop, system)
    forms = {
        "forget gate": (forget, c.before),
        "candidate": (argument, None),
        "output gate": (output, c.after),
    }
    if input_ is not None:
        forms["input gate"] = (input_, c.before)
    read = {what: _read(form, inputs, what) for what, (form, _) in forms.items()}
    made = {what: _gate(read[what], inputs.features, h, forms[what][1], what) for what in forms}
    if any(gate.peephole is not None for gate in made.values()):
        made |= {w: _peeping(made[w]) for w in made if w != "candidate"}
    lstm = Lstm(
        made.get("input gate"),
        made["forget gate"],
        made["candidate"],
        made["output gate"],
        activation,
        projection,
        projection_bias,
        cell_clip,
        projection_clip,
    )
    return lstm, (h, c), inputs


#: A gate's affine map and, where it is normalized, the scale and the bias after it.
Read: TypeAlias = tuple[Affine, NDArray[Any] | None, NDArray[Any]]


def _read(form: Form, inputs: Inputs, what: str) -> Read:
    found = normalization(form)
    if found is None:
        z = affine(form, inputs, what)
        return z, None, z.bias
    inner, scale, bias = found
    z = affine(inner, inputs, what)
    if np.any(z.bias):
        raise Unrecognised(f"its {what} has a bias inside the normalization")
    return z, scale, bias


def _gate(read: Read, features: int, h: State, cell: Symbol | None, what: str) -> Gate:
    z, scale, bias = read
    if not z.reads_only(h.before, *([cell] if cell else [])):
        raise Unrecognised(f"its {what} reads a state that an LSTM's does not")
    peephole = z.diagonal_on(cell, what) if cell else None
    return Gate(z.kernel(features), z.on(h.before), bias, peephole, scale)


def _peeping(gate: Gate) -> Gate:
    """The gate with a peephole, of zeros if it had none: the fused op has all of them or none."""
    return gate if gate.peephole is not None else replace(gate, peephole=np.zeros_like(gate.bias))


def _cell_update(form: Form, c: Symbol) -> tuple[Form, Form | None, Form]:
    """(forget, input, candidate) of f*c + i*g, the gates' arguments; input None if i = 1 - f.

    The three spellings of coupled gates are, multiplied out, f*c + g - f*g and
    c - i*c + i*g; the last has f = 1 - i.
    """
    with_c: list[tuple[list[Factor], float]] = []
    without: list[tuple[list[Factor], float]] = []
    for atom, linear in form.terms.values():
        factors = _factors(atom)
        scale = _scale(linear)
        if any(f.key == c.key for f in factors):
            with_c.append(([f for f in factors if f.key != c.key], scale))
        else:
            without.append((factors, scale))
    if np.any(form.bias):
        raise Unrecognised("its new cell state has a constant added to it")
    signs = sorted(s for _, s in with_c), sorted(s for _, s in without)
    if signs == ([1.0], [1.0]):
        (kept, _), (new, _) = with_c[0], without[0]
        gate, candidate = _gate_and_candidate(new, c)
        return _sigmoid(kept, "forget gate"), gate, candidate
    if signs == ([1.0], [-1.0, 1.0]):
        (kept, _) = with_c[0]
        (new,) = (f for f, s in without if s == 1.0)
        (product,) = (f for f, s in without if s == -1.0)
        if sorted(f.key for f in product) == sorted(f.key for f in kept + new):
            return _sigmoid(kept, "forget gate"), None, _joined(new)
    if signs == ([-1.0, 1.0], [1.0]):
        (taken,) = (f for f, s in with_c if s == -1.0)
        (new, _) = without[0]
        rest = [f for f in new if f.key not in {t.key for t in taken}]
        plain = next(f for f, s in with_c if s == 1.0)
        if not plain and rest and len(rest) == len(new) - len(taken):
            negated = _sigmoid(taken, "input gate").scaled(np.array([-1.0]))
            return negated, None, _joined(rest)
    raise Unrecognised(f"its new cell state is {render(form)}, not f*c + i*g")


def _factors(atom: Atom) -> list[Factor]:
    return list(atom.factors) if isinstance(atom, Product) else [atom]


def _joined(factors: list[Factor]) -> Form:
    return of(factors[0] if len(factors) == 1 else Product(tuple(factors)))


def _scale(linear: Map) -> float:
    """The one number a term is scaled by.

    Raises:
        Unrecognised: It is scaled differently in each unit, or mixed by a matrix.
    """
    if linear.diagonal and len(set(linear.values.tolist())) == 1:
        return float(linear.values[0])
    raise Unrecognised("its new cell state mixes units, or scales each differently")


def _sigmoid(factors: list[Factor], what: str) -> Form:
    argument = sigmoid_of(_joined(factors)) if factors else None
    if argument is None:
        shown = render(_joined(factors)) if factors else "1"
        raise Unrecognised(f"its {what} is {shown}, not a sigmoid")
    return argument


def _gate_and_candidate(factors: list[Factor], c: Symbol) -> tuple[Form, Form]:
    """(the input gate's argument, the candidate), from the factors of i*g.

    Where both are sigmoids, the gate is the one that looks at the cell state.
    """
    if len(factors) != 2:
        raise Unrecognised(f"its new cell state adds {render(_joined(factors))}, not i*g")
    gates = [f for f in factors if sigmoid_of(of(f)) is not None]
    if not gates:
        raise Unrecognised(f"its input gate is none of {render(_joined(factors))}, no sigmoid")
    gate = next((g for g in gates if any(s.key == c.key for s in g.symbols())), gates[0])
    other = factors[1] if gate is factors[0] else factors[0]
    return _sigmoid([gate], "input gate"), of(other)


def _activated(candidate: Form) -> tuple[str, Form]:
    atom = candidate.atom
    if isinstance(atom, Apply) and atom.function in ACTIVATION:
        return ACTIVATION[atom.function], atom.arguments[0]
    raise Unrecognised(f"its candidate is {render(candidate)}, which the fused op does not have")


def _projected(form: Form, c: State) -> tuple[Form, np.ndarray | None, np.ndarray | None, float]:
    """(o * activation(c'), projection [O, U], its bias [O], its clip) of the emission."""
    inner, clip = clipped(form)
    if len(inner.terms) != 1:
        raise Unrecognised(f"its output is {render(form)}, not o*activation(c')")
    ((atom, linear),) = inner.terms.values()
    if linear.is_identity and not np.any(inner.bias) and not clip:
        return inner, None, None, 0.0
    if not isinstance(atom, Product) or atom.width != c.stop - c.start:
        raise Unrecognised(f"its output is {render(form)}, not o*activation(c')")
    projection = linear.dense(atom.width).T
    bias = inner.bias if np.any(inner.bias) else None
    return of(atom), projection, bias, clip


def _emission(form: Form, c: Symbol) -> tuple[Form, str]:
    """(the output gate's argument, the activation's name) of o * activation(c')."""
    atom = form.atom
    factors = _factors(atom) if atom else []
    for k, factor in enumerate(factors):
        if len(factors) != 2 or not isinstance(factor, Apply):
            continue
        inner = factor.arguments[0].atom
        if isinstance(inner, Symbol) and inner.key == c.key and factor.function in ACTIVATION:
            return _sigmoid([factors[1 - k]], "output gate"), ACTIVATION[factor.function]
    raise Unrecognised(f"its output is h' = {render(form)}, not o*activation(c')")
