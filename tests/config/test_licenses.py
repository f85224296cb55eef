"""Licenses by their identifiers."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config.licenses import identifier


@pytest.mark.parametrize("named", ["apache-2.0", "Apache-2.0", " APACHE-2.0 "])
def test_letters_and_spaces_around_do_not_matter(named: str) -> None:
    """SPDX writes some in capitals, the hub none."""
    assert identifier(named) == "apache-2.0"


@pytest.mark.parametrize("named", ["", "proprietary", "apache"])
def test_another_license_has_no_identifier(named: str) -> None:
    """None is made up."""
    assert identifier(named) is None
