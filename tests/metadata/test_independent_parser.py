"""The metadata as TensorFlow's own tools for it read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlite_pipeline.metadata import described_model
from tests.fake.project import ROOT
from tests.metadata.described import LABELS, config, layer, model

#: The last release there is; it has wheels for Python 3.11, and for none that is newer.
PACKAGE = "tflite-support==0.4.4"

#: Run where the package is: prints what it reads, and the parser version it asks for itself.
READER = """
import json, sys
from tensorflow_lite_support.metadata.python import metadata
from tensorflow_lite_support.metadata.cc.python import _pywrap_metadata_version as version
displayer = metadata.MetadataDisplayer.with_model_file(sys.argv[1])
told = json.loads(displayer.get_metadata_json())
files = {n: displayer.get_associated_file_buffer(n).decode()
         for n in displayer.get_packed_associated_file_list()}
asked = version.GetMinimumMetadataParserVersion(bytes(displayer.get_metadata_buffer()))
print(json.dumps({"told": told, "files": files, "asked": asked}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason=f"{PACKAGE} is for Python 3.11 only")
def test_tensorflow_s_own_reader_reads_it(tmp_path: Path) -> None:
    """tflite-support finds every field, the file, and asks for the version that was computed."""
    tool = tmp_path / "tool"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    ended = subprocess.run([*command, str(tool), PACKAGE], capture_output=True, check=False)
    if ended.returncode != 0:
        pytest.skip(f"{PACKAGE} cannot be installed here: {ended.stderr.decode()[-200:]}")
    path = tmp_path / "model.tflite"
    path.write_bytes(described_model(model(), config(tmp_path), [layer()]))
    environment = {"PYTHONPATH": f"{tool}:{ROOT}", "PATH": "/usr/bin:/bin"}
    printed = subprocess.run(
        [sys.executable, "-c", READER, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = json.loads(printed)
    assert found["files"] == {"digits.txt": LABELS}
    assert found["asked"] == found["told"]["min_parser_version"] == "1.5.0"
    assert found["told"]["author"] == "me"
    (graph,) = found["told"]["subgraph_metadata"]
    (image,) = graph["input_tensor_metadata"]
    assert image["dimension_names"] == ["batch", "row", "column"]
    assert image["content"]["content_properties"] == {"color_space": "GRAYSCALE"}
    assert image["process_units"][0]["options_type"] == "NormalizationOptions"
    (files,) = graph["output_tensor_metadata"][0]["associated_files"]
    assert files == {"name": "digits.txt", "type": "TENSOR_AXIS_LABELS"}
