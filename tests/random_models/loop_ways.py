"""The ways a loop goes over its steps, where it is written by hand.

Each takes TensorFlow, a step, the sequence [T, B, F] and the first states; it gives the sequence of
outputs, and the last states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[Any, Sequence[Any]], list[Any]]
States: TypeAlias = list[Any]
Result: TypeAlias = tuple[Any, list[Any]]


def _loop(
    tf: Any, x: Any, values: Sequence[Any], turn: Callable[..., tuple[Any, list[Any]]], width: int
) -> tuple[Any, list[Any]]:
    """A turn for each step: (t, x_t, values) to the output, and the new values."""
    total, batch = tf.shape(x)[0], x.shape[1]
    made = tf.TensorArray(tf.float32, total, element_shape=[batch, width])

    def advance(t: Any, made: Any, *now: Any) -> Any:
        y, new = turn(t, x[t], list(now))
        return t + 1, made.write(t, y), *new

    shapes = (tf.TensorShape([]), tf.TensorShape(None), *(v.shape for v in values))
    _, made, *values = tf.while_loop(
        lambda t, *_: t < total, advance, (0, made, *values), shape_invariants=shapes
    )
    return made.stack(), list(values)


def forwards(tf: Any, step: Step, x: Any, first: States) -> Result:
    """From the first step to the last."""

    def turn(_: Any, now: Any, states: list[Any]) -> Any:
        new = step(now, states)
        return new[0], new

    return _loop(tf, x, first, turn, first[0].shape[-1])


def scan(tf: Any, step: Step, x: Any, first: States) -> Result:
    """With tf.scan."""
    results = tf.scan(lambda a, e: tuple(step(e, list(a))), x, tuple(first))
    return results[0], [s[-1] for s in results]


def backwards(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Over the sequence reversed, whose outputs are reversed again."""
    y, last = forwards(tf, step, tf.reverse(x, [0]), first)
    return tf.reverse(y, [0]), last


def counting_down(tf: Any, step: Step, x: Any, first: States) -> Result:
    """The index counts from the last step to 0."""
    width = first[0].shape[-1]
    made = tf.TensorArray(tf.float32, tf.shape(x)[0], element_shape=[x.shape[1], width])

    def advance(t: Any, made: Any, *now: Any) -> Any:
        new = step(x[t], list(now))
        return t - 1, made.write(t, new[0]), *new

    begin = (tf.shape(x)[0] - 1, made, *first)
    _, made, *last = tf.while_loop(lambda t, *_: t >= 0, advance, begin)
    return made.stack(), list(last)


def previous_step(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Step t reads x[t - 1], and the first one the first."""

    def turn(t: Any, _: Any, states: list[Any]) -> Any:
        new = step(x[tf.maximum(t - 1, 0)], states)
        return new[0], new

    return _loop(tf, x, first, turn, first[0].shape[-1])


def last_output(tf: Any, step: Step, x: Any, first: States, head: Any) -> Result:
    """What weights [units, 3] make of the last output goes in beside the step's features."""

    def turn(_: Any, now: Any, values: list[Any]) -> Any:
        fed, *states = values
        new = step(tf.concat([now, fed], 1), states)
        return new[0], [tf.nn.softmax(tf.matmul(new[0], head)), *new]

    y, values = _loop(tf, x, [tf.zeros([tf.shape(x)[1], 3]), *first], turn, first[0].shape[-1])
    return y, values[1:]


def decay(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Each input counts for less than the one before."""

    def turn(_: Any, now: Any, values: list[Any]) -> Any:
        factor, *states = values
        new = step(now * factor, states)
        return new[0] * factor, [0.9 * factor, *new]

    y, values = _loop(tf, x, [tf.constant(1.5), *first], turn, first[0].shape[-1])
    return y, values[1:]


def clock(tf: Any, step: Step, x: Any, first: States) -> Result:
    """The number of the step goes in."""

    def turn(t: Any, now: Any, states: list[Any]) -> Any:
        new = step(now + 0.1 * tf.cast(t, tf.float32), states)
        return tf.where(tf.equal(t % 3, 1), -new[0], new[0]), new

    return _loop(tf, x, first, turn, first[0].shape[-1])


def up_to_lengths(tf: Any, step: Step, x: Any, first: States, lengths: Any) -> Result:
    """Behind its length, an entry keeps its states and gives zeros."""

    def turn(t: Any, now: Any, states: list[Any]) -> Any:
        runs = tf.expand_dims(t < lengths, 1)
        new = step(now, states)
        kept = [tf.where(runs, n, s) for n, s in zip(new, states, strict=True)]
        return tf.where(runs, new[0], tf.zeros_like(new[0])), kept

    return _loop(tf, x, first, turn, first[0].shape[-1])


def frozen(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Only every second turn writes the states."""

    def turn(t: Any, now: Any, states: list[Any]) -> Any:
        new = step(now, states)
        runs = tf.equal(t % 2, 0)
        return new[0], [tf.where(runs, n, s) for n, s in zip(new, states, strict=True)]

    return _loop(tf, x, first, turn, first[0].shape[-1])


def two_arrays(tf: Any, step: Step, x: Any, first: States) -> Result:
    """The state before the step, and the one behind it."""
    width = first[0].shape[-1]

    def turn(_: Any, now: Any, states: list[Any]) -> Any:
        new = step(now, states)
        return tf.concat([new[0], states[-1]], 1), new

    return _loop(tf, x, first, turn, 2 * width)


def running_sum(tf: Any, step: Step, x: Any, first: States) -> Result:
    """What is given is the mean of all outputs so far."""

    def turn(t: Any, now: Any, values: list[Any]) -> Any:
        total, *states = values
        new = step(now, states)
        total = total + new[0]
        return total / tf.cast(t + 1, tf.float32), [total, *new]

    y, values = _loop(tf, x, [tf.zeros_like(first[0]), *first], turn, first[0].shape[-1])
    return y, values[1:]


def until(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Ends where the state's sum is large; what was not reached is zeros."""
    width = first[0].shape[-1]
    total = tf.shape(x)[0]
    y = tf.zeros([total, tf.shape(x)[1], width])

    def advance(t: Any, y: Any, *now: Any) -> Any:
        new = step(x[t], list(now))
        return t + 1, tf.tensor_scatter_nd_update(y, [[t]], new[:1]), *new

    def goes_on(t: Any, y: Any, *now: Any) -> Any:
        del y
        return (t < total) & (tf.reduce_max(now[0]) < 0.9)

    shapes = (tf.TensorShape([]), y.shape, *(s.shape for s in first))
    _, y, *last = tf.while_loop(goes_on, advance, (0, y, *first), shape_invariants=shapes)
    return y, list(last)


def every_second_step(tf: Any, step: Step, x: Any, first: States) -> Result:
    """Steps 0, 2, 4 ... by an index of their own."""
    width = first[0].shape[-1]
    total = tf.shape(x)[0]
    made = tf.TensorArray(tf.float32, (total + 1) // 2, element_shape=[x.shape[1], width])

    def advance(t: Any, made: Any, *now: Any) -> Any:
        new = step(x[t], list(now))
        return t + 2, made.write(t // 2, new[0]), *new

    _, made, *last = tf.while_loop(lambda t, *_: t < total, advance, (0, made, *first))
    return made.stack(), list(last)


#: Those that take nothing else, by name.
WAYS: dict[str, Callable[[Any, Step, Any, States], Result]] = {
    "forwards": forwards,
    "scan": scan,
    "backwards": backwards,
    "counting down": counting_down,
    "previous step": previous_step,
    "decay": decay,
    "clock": clock,
    "frozen": frozen,
    "two arrays": two_arrays,
    "running sum": running_sum,
    "until": until,
    "every second step": every_second_step,
}
