"""Which composites have a converter: rnnlite's own, and those of installed packages.

A package registers one in the entry point group `rnnlite.converters`; the entry point's name is
the composite's, in which `*` stands for any characters. A model can only name a composite: the
code that runs is installed code. Nothing is imported until a model names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnnlite_pipeline.composites import keras_lstm, lingvo
from rnnlite_pipeline.composites.call import Convert
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.plugins import plugins


@dataclass(frozen=True)
class Converter:
    """A converter that is at hand.

    Attributes:
        package: Who made it: "rnnlite", or a distribution's name and version.
        matches: Whether a composite's name is one of its own.
        fits: Whether it takes a function of so many operands and results.
        load: Imports it.
    """

    package: str
    matches: Callable[[str], bool]
    fits: Callable[[int, int], bool]
    load: Callable[[], Convert]


_OWN = (
    Converter(
        "rnnlite", lambda n: n.startswith("lstm_"), keras_lstm.fits, lambda: keras_lstm.convert
    ),
    Converter("rnnlite", lingvo.is_name, lingvo.fits, lambda: lingvo.convert),
)


def converter_of(name: str) -> Converter | None:
    """The converter of a composite, None where nobody has one. Installed packages go first.

    A function without a name, "", is no composite.

    Raises:
        NotConvertible: Two packages, or two entry points of one, claim it.
    """
    claims = [p for p in plugins() if name and p.matches(name)]
    packages = list(dict.fromkeys(p.package for p in claims))
    if len(packages) > 1:
        raise NotConvertible(
            f'The packages {" and ".join(packages)} both convert "{name}".',
            "Uninstall one of them.",
        )
    if len(claims) > 1:
        patterns = " and ".join(f'"{p.pattern}"' for p in claims)
        raise NotConvertible(
            f'The entry points {patterns} of the package {packages[0]} both convert "{name}".',
            "Ask the package's author, or uninstall it.",
        )
    for plugin in claims:
        return Converter(plugin.package, plugin.matches, lambda *_: True, plugin.load)
    return next((c for c in _OWN if c.matches(name)), None)
