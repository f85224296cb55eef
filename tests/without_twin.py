"""The modules that have no twin test yet, by the test file that covers them now.

A module rnnlite_pipeline/ROOM/NAME.py has its twin at tests/ROOM/test_NAME.py. The list below only
gets shorter: tests/test_rooms.py fails where a module is neither here nor has a twin, and where a
module that is here has one.
"""

from __future__ import annotations

#: Modules that need no test of their own, and why.
GLUE = {
    "algebra/algebra": "a protocol: types alone",
    "config/headers/interface": "dataclasses and an exception: types alone",
}

#: By the test file that runs them, under tests/.
_COVERED_BY = """
cli/test_cli.py
    cli/commands cli/main cli/stages
cli/test_cli_output.py
    cli/arguments cli/manual cli/output cli/parser tasks/live
cli/test_init.py
    sources/proposal sources/weights_beside
cli/test_view.py
    cli/configs cli/failure
compare/test_validation.py
    compare/evidence compare/excerpts compare/stopped
compat/test_lstm_ops.py
    lstm_ops
composites/test_annotated.py
    composites/record sources/graphdef/annotated sources/graphdef/annotated_body
composites/test_chained.py
    resolve/chained
composites/test_converters.py
    composites/keras_lstm composites/registry plugins resolve/check resolve/composites
config/headers/test_h5.py
    config/headers/h5_config
config/test_early.py
    config/arrays config/document
config/test_files.py
    files
config/test_load.py
    config/problems
config/test_models.py
    config/conversion config/model config/schema config/source
config/test_wrong_configs.py
    errors
config/test_wrong_files.py
    config/associated config/data
docs/test_site.py
    config/reference
fleet/test_cache.py
    fleet/location fleet/sharing
latency/test_by_op.py
    latency/cut latency/text
lower/test_choice.py
    lower/loop/plan
lower/test_loop.py
    lower/loop/levels lower/loop/step lower/loop/writer
lower/test_loop_forms.py
    lower/loop/forms
lower/test_unrolled.py
    lower/rows passes/memory
metadata/test_attach.py
    metadata/read metadata/schema
passes/test_tensor_lists.py
    passes/run_time_shapes passes/tensor_list_groups
quantize/test_extreme_ranges.py
    quantize/full_integer quantize/outcome quantize/own_states quantize/ranges quantize/skip
    quantize/watch
quantize/test_integer.py
    quantize/integer_loop quantize/integer_lstm quantize/integer_model quantize/integer_ops
    quantize/integer_values quantize/kernels quantize/scales quantize/scaling
quantize/test_joins.py
    quantize/record
quantize/test_narrow_sums.py
    quantize/numbers
quantize/test_schemes.py
    quantize/dynamic_range quantize/float16 quantize/stored
recognise/test_fused.py
    graph/leaks
report/test_index.py
    report/agreement report/forms report/latency report/page report/results
report/test_report.py
    report/evidence report/stage
report/test_sections.py
    report/accuracy report/checks report/layers report/quantization
runtimes/partition/test_flags.py
    stages/inspect
sources/formats/test_concrete_function.py
    sources/batch
sources/formats/test_graph_def.py
    sources/graphdef/tensor_arrays
sources/formats/test_keras.py
    sources/formats/keras_files sources/formats/keras_load
sources/formats/test_keras_archive.py
    sources/described
sources/graphdef/test_detached.py
    sources/attached sources/graphdef/flex sources/graphdef/functions sources/reference
sources/graphdef/test_gathers.py
    sources/graphdef/lifting sources/graphdef/placeholders sources/graphdef/session
sources/graphdef/test_precision.py
    sources/formats/tf_keras
sources/test_cell_ops.py
    sources/graphdef/graph_edit
stages/test_benchmark.py
    latency/machine sources/stock
stages/test_complex.py
    stages/convert
stages/test_import_source.py
    sources/to_tflite
stages/test_search.py
    report/search stages/candidates
state/test_quantized.py
    verify/quantized
state/test_sources.py
    sources/graphdef/assigned
tasks/test_child.py
    stages/process
tasks/test_dodo.py
    tasks/command tasks/graph tasks/keys tasks/run tasks/work
tasks/test_incremental.py
    tasks/outcome tasks/plan tasks/reporter tasks/settings
tasks/test_search.py
    cli/locked tasks/summary tasks/table
tasks/test_warm.py
    preloaded stages/server
trust/test_trust.py
    cli/trust trust/bom trust/checks trust/files trust/signature
verify/test_every_interpreter.py
    verify/interpreters verify/states
verify/test_gates.py
    verify/interface
verify/test_noise.py
    verify/runs
"""


def covered_by() -> dict[str, str]:
    """The test file of each module that has no twin."""
    found: dict[str, str] = {}
    test = ""
    for line in _COVERED_BY.strip().splitlines():
        if line.startswith(" "):
            assert not found.keys() & set(line.split()), "a module is in the list twice"
            found |= dict.fromkeys(line.split(), test)
        else:
            test = line
    return found
