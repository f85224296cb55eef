"""The model card: front matter that a hub reads, and figures that a person reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.metadata import described_model, read_description
from rnnlite_pipeline.release.card import model_card
from rnnlite_pipeline.release.deploy import Deployment
from tests.metadata.described import CONFIG, config, layer, model

VERIFICATION = {
    "passed": True,
    "max_abs_error": 2e-7,
    "checks": [{"name": "a", "passed": True}, {"name": "b", "passed": True}],
    "accuracy": [
        {"output": "y", "kernels": "default", "samples": 10, "source": 0.9, "litert": 0.8}
    ],
}


def _card(folder: Path, text: str = CONFIG, **told: Any) -> tuple[dict[str, Any], str]:
    """The front matter, and the text after it."""
    said = config(folder, text)
    content = described_model(model(), said, [layer()])
    read = read_model(content)
    description = read_description(read)
    deployment = Deployment.of(said, read, description)
    card = model_card(said, deployment, description, VERIFICATION | told, len(content)).decode()
    _, matter, body = card.split("---\n", 2)
    return yaml.safe_load(matter), body


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("our own terms", {"license": "other", "license_name": "our own terms"}),
    ],
)
def test_front_matter(tmp_path: Path, named: str, expected: dict[str, str]) -> None:
    """A license the hub knows goes by its identifier, another one is `other` with its name."""
    matter, _ = _card(tmp_path, CONFIG.replace("apache-2.0", named))
    assert matter.items() >= {"library_name": "litert", "model_name": "digits"}.items()
    assert {key: value for key, value in matter.items() if "license" in key} == expected


def test_what_a_person_reads(tmp_path: Path) -> None:
    """Interface, labels, recurrent layers, state, figures: each in its section."""
    _, body = _card(tmp_path)
    for said in (
        "# digits 1.2.0",
        "| image: float32 [?, 8, 8] | rows of pixels |  |",
        "| probabilities: float32 [?, 3] | one a class | digits.txt |",
        "| rows | WHILE |",
        "none. The model keeps no state.",
        "| checks passed | 2 of 2 |",
        "| accuracy of y, default kernels, 10 samples | 0.8000 (source 0.9000) |",
    ):
        assert said in body


def test_cells_stay_cells(tmp_path: Path) -> None:
    """A description with bars and line breaks breaks no table."""
    _, body = _card(tmp_path, CONFIG.replace("rows of pixels", '"a | b\\nc"'))
    assert "| image: float32 [?, 8, 8] | a \\| b c |  |" in body


def test_what_was_not_verified_on_litert_is_told(tmp_path: Path) -> None:
    """An op that nobody could run is in bold, one that TensorFlow ran is named."""
    _, plain = _card(tmp_path)
    _, body = _card(tmp_path, unverified_ops={"MyOp": "unknown"}, ops_on_tensorflow=["FlexRoll"])
    assert "**MyOp is not verified** | unknown; another function took its place |" in body
    assert "| run by TensorFlow, not by LiteRT | FlexRoll |" in body
    assert "not verified" not in plain
    assert "TensorFlow" not in plain


CARD = """\
package:
  card:
    task: image-classification
    base_model: me/digits
    datasets: [me/pixels]
    intended_use: Sorting <post>.
    limits: Not for cheques.
    license_link: https://example.org/terms
"""


def test_what_the_hub_reads(tmp_path: Path) -> None:
    """Task, origin, data, and the accuracy as a result that the hub shows."""
    matter, _ = _card(tmp_path, f"{CONFIG}verification: {{data: {{path: d/t.npz}}}}\n{CARD}")
    told = {"pipeline_tag": "image-classification", "base_model": "me/digits"}
    assert matter.items() >= told.items()
    assert matter["datasets"] == ["me/pixels"]
    assert matter["metrics"] == ["accuracy"]
    assert "license_link" not in matter  # apache-2.0 is known
    [index] = matter["model-index"]
    assert index["name"] == "digits"
    [result] = index["results"]
    assert result["task"] == {"type": "image-classification"}
    assert result["dataset"] == {"name": "t.npz", "type": "me/pixels"}
    metric = {"type": "accuracy", "name": "accuracy of y, 10 samples", "value": 0.8}
    assert result["metrics"] == [metric]


def test_without_labels_there_is_no_result(tmp_path: Path) -> None:
    """No metric is claimed that nobody measured."""
    matter, _ = _card(tmp_path, accuracy=[])
    assert not {"metrics", "model-index", "pipeline_tag", "base_model"} & set(matter)


def test_the_terms_of_another_license_are_linked(tmp_path: Path) -> None:
    """A license without an identifier has its name, and where its terms stand."""
    matter, _ = _card(tmp_path, CONFIG.replace("apache-2.0", "our own terms") + CARD)
    assert matter["license"] == "other"
    assert matter["license_name"] == "our own terms"
    assert matter["license_link"] == "https://example.org/terms"


def test_intended_use_and_limits(tmp_path: Path) -> None:
    """Each has a section where the config tells it, as it is written; else there is none."""
    _, body = _card(tmp_path, CONFIG + CARD)
    assert "## Intended use\n\nSorting <post>.\n\n## Limits\n\nNot for cheques.\n" in body
    _, plain = _card(tmp_path)
    assert "Intended use" not in plain
    assert "Limits" not in plain


def test_every_table_of_the_card_is_one(tmp_path: Path) -> None:
    """Each row has the bars of its heading, and an empty line ends the table."""
    _, body = _card(tmp_path, CONFIG + CARD)
    for block in body.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if lines and lines[0].startswith("|"):
            assert len({line.count("|") - line.count("\\|") for line in lines}) == 1, block
            assert all(line.startswith("|") for line in lines), block
