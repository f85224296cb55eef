"""What each op of a model costs: cut out, fed what it is fed in the model, and timed alone.

`by_op.py` is a program as well, run in a process of its own, and so not imported here.
"""

from rnnlite_pipeline.latency.cut import Part, parts
from rnnlite_pipeline.latency.rows import rows

__all__ = ["Part", "parts", "rows"]
