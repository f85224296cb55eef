"""Recurrences over sequences with a length for each batch entry.

What a fused op puts out up to an entry's length is right, since later steps do not reach back.
After it the outputs are zero, and the final output is the one at length - 1.
"""

from __future__ import annotations

from dataclasses import replace

from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.loop.lengths import length_of
from rnnlite_pipeline.recognise.loop.loop import Loop, Unrecognised
from rnnlite_pipeline.recognise.loop.masks import emitted, unmasked
from rnnlite_pipeline.recognise.loop.rewriter import Rewriter
from rnnlite_pipeline.recognise.loop.state import State
from rnnlite_pipeline.recognise.loop.systems import System
from rnnlite_pipeline.recognise.symbolic.values import Rows


class ByLength(Rewriter):
    """An attempt that runs cells over the whole sequence and then cuts it at the lengths."""

    hands_out_states = False
    _given: Tensor

    def prepared(self, loop: Loop) -> Loop:
        """The loop without its mask.

        Raises:
            Unrecognised: Not every state has one mask, or it is no length.
        """
        loop = super().prepared(loop)
        masked = unmasked(System(tuple(loop.states)))
        lengths = length_of(masked, loop) if masked else None
        if masked is None or lengths is None:
            raise Unrecognised("its mask is no length")
        self._given = lengths
        writings = {}
        for k, writing in loop.writings.items():
            item = writing.item
            form = emitted(item.form, masked) if isinstance(item, Rows) else None
            if form is None:
                raise Unrecognised("what it puts out after a length is not zero")
            writings[k] = replace(writing, item=Rows(masked.updates.referring(form)))
        return replace(loop, states=list(masked.system.states), writings=writings)

    def put_out(self, y: Tensor) -> Tensor:
        """y [T, B, n] up to each length, and zero after."""
        build, (steps, batch, _) = self.build, y.shape or ()
        count = build.reshape(build.dimension(y, 0), [])
        places = build.op("RANGE", [build.indices(0), count, build.indices(1)], "INT32", [steps])
        step = build.reshape(places, [steps, 1, 1])
        inside = build.binary("LESS", step, build.reshape(self._lengths(), [1, batch, 1]))
        zero = self.sequences.row([0.0])
        return build.op("SELECT_V2", [inside, y, zero], "FLOAT32", y.shape)

    def final(self, state: State) -> Tensor:
        """The state [B, n] at each length, or the first where the length is 0.

        Raises:
            Unrecognised: It is no output of its cell, so that its every step is not known.
        """
        build, y = self.build, self.sequences.of_symbol(state.after)
        _, batch, width = y.shape or ()
        lengths = self._lengths()
        last = build.binary("SUB", build.reshape(build.dimension(y, 0), []), build.indices(1))
        before = build.binary("SUB", lengths, build.indices(1))
        place = build.binary("MINIMUM", build.binary("MAXIMUM", before, build.indices(0)), last)
        rows = build.transpose(y, [1, 0, 2])
        index = build.reshape(place, [batch, 1])
        step = build.op("GATHER", [rows, index], "FLOAT32", [batch, 1, width], axis=1, batch_dims=1)
        some = build.reshape(build.binary("GREATER", lengths, build.indices(0)), [batch, 1])
        initial = self._initial(state) or self.sequences.row([0.0])
        value = build.reshape(step, [batch, width])
        return build.op("SELECT_V2", [some, value, initial], "FLOAT32", [batch, width])

    def _lengths(self) -> Tensor:
        """The lengths [B], int32."""
        if self._given.dtype == "INT32":
            return self._given
        return self.build.op("CAST", [self._given], "INT32", self._given.shape)
