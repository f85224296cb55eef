"""Annotated functions, and the converters that take them at their word.

What a converter in a package of one's own needs is here; docs/guides/plugins.md tells how.
"""

from rnnlite_pipeline.composites.call import CompositeCall, Converted, Refused

__all__ = ["CompositeCall", "Converted", "Refused"]
