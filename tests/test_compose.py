"""Overrides become configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.compose import composed

CONF = Path(__file__).resolve().parents[1] / "conf"


@pytest.mark.parametrize(("name", "other"), [("Linear", "Dense"), ("Input", "InputLayer"), ("Readout", "SNNReadout")])
def test_an_override_by_the_other_name_of_a_type_reaches_the_entry_of_the_files(name: str, other: str) -> None:
    variants, _ = composed([f"hls.types.{other}.precision.result=ap_fixed<9,4>"], CONF)
    types = variants[0]["config"]["hls"]["types"]
    assert types[name]["precision"]["result"] == "ap_fixed<9,4>" and other not in types
