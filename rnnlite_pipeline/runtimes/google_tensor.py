"""Google Tensor (the TPU of Pixel phones), by the compiler plugin of LiteRT."""

from __future__ import annotations

from rnnlite_pipeline.runtimes.litert_compiled import no_states
from rnnlite_pipeline.runtimes.rule import Rule, Table, litert_source
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The array kUnSupportedOps: unlike the others, this plugin lists what it does not take.
SOURCE = litert_source("litert/vendors/google_tensor/compiler/compiler_plugin.cc")

REFUSED = """
ASSIGN_VARIABLE BIDIRECTIONAL_SEQUENCE_LSTM BROADCAST_ARGS BUCKETIZE CALL_ONCE COMPLEX_ABS
CONV_3D_TRANSPOSE DENSIFY FAKE_QUANT HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT
HASHTABLE_SIZE IMAG LOCAL_RESPONSE_NORMALIZATION MATRIX_DIAG MATRIX_SET_DIAG MULTINOMIAL
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 RANDOM_STANDARD_NORMAL RANDOM_UNIFORM RANK
READ_VARIABLE REAL REDUCE_PROD REVERSE_SEQUENCE RFFT2D SEGMENT_SUM SHAPE SPARSE_TO_DENSE SVDF
UNIDIRECTIONAL_SEQUENCE_RNN UNIQUE UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN UNSORTED_SEGMENT_PROD
UNSORTED_SEGMENT_SUM VAR_HANDLE WHERE
"""

_REASON = "Google Tensor's compiler plugin lists it as not supported; LiteRT runs it on the CPU"

RUNTIME = Runtime(
    "google-tensor",
    "Google Tensor, through LiteRT's CompiledModel API",
    "by table",
    "not run here: the compiler is closed, and it needs a device; what it refuses beyond its list "
    "is not known",
    lambda: Table(
        SOURCE,
        tuple(Rule(op, SOURCE, refused=_REASON) for op in REFUSED.split()),
        (no_states(),),
    ),
)
