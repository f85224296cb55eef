"""Damage to a file, at random and by design, the same for the same seed."""

from __future__ import annotations

import random

#: Values that lengths and offsets are known to fail on.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(content: bytes, seed: int) -> bytes:
    """The content with one to four damages: bits, numbers, cuts, repeats, swaps."""
    chance = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if damaged:
            chance.choice(_DAMAGES)(damaged, chance)
    return bytes(damaged)


def _flip(data: bytearray, chance: random.Random) -> None:
    data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random) -> None:
    place, width = _place(data, chance), chance.choice((1, 2, 4, 8))
    value = chance.choice(_EDGES) & (256**width - 1)
    data[place : place + width] = value.to_bytes(width, "little")


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) :]


def _remove(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    del data[place : place + chance.randrange(1, 64)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data[place:place] = data[place : place + chance.randrange(1, 64)]


def _swap(data: bytearray, chance: random.Random) -> None:
    a, b = _place(data, chance), _place(data, chance)
    data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def _noise(data: bytearray, chance: random.Random) -> None:
    place = _place(data, chance)
    data[place : place + 16] = chance.randbytes(16)


_DAMAGES = (_flip, _flip, _number, _number, _cut, _remove, _repeat, _swap, _noise)


def _place(data: bytearray, chance: random.Random) -> int:
    """Headers and directories stand at either end: they are hit more often than the middle."""
    size = len(data)
    if not size:
        return 0
    near = chance.randrange(min(size, 512))
    return chance.choice((near, size - 1 - near, chance.randrange(size)))
