"""Which code each target needs."""

from __future__ import annotations

from typing import get_args

import pytest

from rnnlite_pipeline.config.conversion import Target
from rnnlite_pipeline.release.deploy.kinds import KINDS, accelerator, kinds


def test_every_target_has_code() -> None:
    """No target of the contract is without code that runs the model there."""
    assert KINDS.keys() == set(get_args(Target))


def test_targets_of_one_kind_share_their_code() -> None:
    """A kind stands once, whatever the number of targets."""
    assert kinds(["tflm", "ethos-u55"]) == {"micro"}
    assert kinds(["litert", "litert-web", "qualcomm"]) == {"interpreter", "web", "compiled"}
    assert kinds([]) == set()


@pytest.mark.parametrize(
    ("targets", "place"),
    [
        ([], "CPU"),
        (["litert", "tflm", "litert-compiled"], "CPU"),
        (["litert", "mediatek", "litert-gpu"], "NPU"),
        (["litert-gpu", "mediatek"], "GPU"),
    ],
)
def test_the_first_target_with_an_accelerator_decides(targets: list[str], place: str) -> None:
    """Without one it is the CPU."""
    assert accelerator(targets) == place
