"""States between calls: what a call starts from, and what becomes of what it ends with.

Inside, a graph is pure: each state is an input `NAME_in` and an output `NAME_out`. What the
config's `recurrent.state` asks for is made of that form:

* reset: the inputs become the initial values, the outputs go;
* persist: both become a variable of the runtime (graph/variables.py);
* explicit: they stay, as inputs and outputs of the model.
"""

from rnnlite_pipeline.state.description import Description, described
from rnnlite_pipeline.state.keeping import Keeping

__all__ = ["Description", "Keeping", "described"]
