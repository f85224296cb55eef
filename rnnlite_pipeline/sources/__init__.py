"""Sources: every format becomes one canonical TFLite file with its loops intact.

A format is one module in `formats/` with `open_source(config) -> SourceModel`; `opening.py` names
them all. The way from there on, `to_tflite`, is the same for all. The stage is
`stages/import_source.py`. This file imports nothing, as many rooms use `sources/model.py` alone.
"""
