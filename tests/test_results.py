"""Results of many variants: rows, CSV, selection, order, the Pareto front, and the table word for word."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlspike.generators.errors import ConfigError
from hlspike.generators.report.tables import Row, csv_text, ordered, pareto, rows, selected, table


def report(accuracy: float | None = 0.9, bits: int = 100, differing: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": "digits precision=w4",
        "sequences": 2,
        "timesteps": 32,
        "accuracy": {"float": accuracy, "reference": accuracy, "csim": accuracy},
        "agreement": {"decisions_float_reference": 1.0, "spikes_float_reference": 0.9987,
                      "first_divergence": None, "mismatches_reference_csim": differing},
        "seconds": {"extract": 1.5, "csim": 0.25},
        "estimate": {"latency": 12, "interval": 7, "weight_bits": bits, "state_bits": 40, "multipliers": 3,
                     "adders": 9, "bram_18k": 0, "fits": True, "layers": []},
        **more,
    }


def test_a_row_holds_the_overrides_and_what_the_report_says() -> None:
    assert rows([(["precision=w4", "++hls.layers.fc1.reuse_factor=8"], report())]) == [{
        "name": "digits", "precision": "w4", "hls.layers.fc1.reuse_factor": "8", "status": "ok",
        "accuracy_float": 0.9, "accuracy_reference": 0.9, "accuracy_csim": 0.9,
        "decisions_equal": 1.0, "spikes_equal": 0.9987, "timesteps": 32,
        "weight_bits": 100, "state_bits": 40, "multipliers": 3, "cycles": 12, "interval": 7, "fits": "yes",
        "seconds": 1.75, "reused": None,
    }]


def test_all_rows_have_the_columns_of_any() -> None:
    vitis = {"version": "2024.1", "latency_cycles": 8, "interval": 3, "clock_ns": 4.2,
             "resources": {"LUT": {"used": 2265, "available": 53200}, "DSP": {"used": 0, "available": 220}}}
    found = rows([(["seed=1"], report()), (["precision=w6"], report(vitis=vitis, reused=9)), (["seed=2"], None)])
    assert {tuple(row) for row in found} == {(
        "name", "seed", "precision", "status", "accuracy_float", "accuracy_reference", "accuracy_csim",
        "decisions_equal", "spikes_equal", "timesteps", "weight_bits", "state_bits", "multipliers", "cycles",
        "interval", "fits", "vitis_latency_cycles", "vitis_interval", "vitis_clock_ns", "vitis_lut", "vitis_dsp",
        "seconds", "reused",
    )}
    assert found[1]["vitis_lut"] == 2265 and found[1]["reused"] == 9 and found[0]["vitis_lut"] is None
    assert {key: value for key, value in found[2].items() if value is not None} == {"seed": "2", "status": "failed"}


def test_logits_that_are_equal_in_value_have_a_column_where_there_are_logits() -> None:
    logit = report()
    logit["agreement"] = {**logit["agreement"], "logits_float_reference": 0.25}
    found = rows([(["seed=1"], logit), (["seed=2"], report())])
    assert [(row["decisions_equal"], row["logits_equal"]) for row in found] == [(1.0, 0.25), (1.0, None)]
    assert "25.00 %" in table(found)


def test_a_variant_whose_csim_differs_says_so() -> None:
    assert [row["status"] for row in rows([([], report(differing=3)), ([], report()), ([], None)])] == [
        "differs", "ok", "failed",
    ]


def test_csv_keeps_every_digit_and_leaves_nothing_empty_but_none() -> None:
    found = rows([(['hls.model.precision.weight="ap_fixed<8,2>"'], report(1 / 3)), ([], None)])
    read = list(csv.DictReader(io.StringIO(csv_text(found))))
    assert read[0]["hls.model.precision.weight"] == "ap_fixed<8,2>"
    assert float(read[0]["accuracy_csim"]) == 1 / 3
    assert read[1]["accuracy_csim"] == "" and read[1]["status"] == "failed"
    assert csv_text([]) == ""


FOUND = rows([
    (["precision=w4"], report(0.8, 40)), (["precision=w6"], report(0.95, 60)), (["precision=w8"], report(0.95, 80)),
    (["precision=w16"], None), (["precision=wide"], report(None, 500)),
])


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ([], "w4 w6 w8 w16 wide"),
        (["accuracy_csim>0.8"], "w6 w8"),
        (["accuracy_csim>=0.8", "weight_bits < 60"], "w4"),
        (["precision=w6"], "w6"),
        (["precision:w6"], "w6"),
        (["precision!=w6"], "w4 w8 w16 wide"),
        (["weight_bits==60.0"], "w6"),
        (["status=failed"], "w16"),
        (["accuracy_csim<=1"], "w4 w6 w8"),
    ],
)
def test_rows_are_selected(conditions: list[str], kept: str) -> None:
    assert [row["precision"] for row in selected(FOUND, conditions)] == kept.split()


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (["accuracy_csim"], "results: 'accuracy_csim' is no condition; "
         "write column>value, with one of < > <= >= = !="),
        (["acuracy_csim>1"], "results: there is no column 'acuracy_csim'; did you mean 'accuracy_csim'"),
        (["precision>w4"], "results: 'precision>w4' compares with 'w4', which is no number; use = or !="),
    ],
)
def test_an_impossible_condition_is_refused(conditions: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        selected(FOUND, conditions)
    assert str(caught.value) == message


def test_an_unknown_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"^results: there is no column 'xyz'; columns are name, precision, status, "):
        table(FOUND, ["xyz"])


def test_rows_are_ordered_by_number_where_all_are_numbers() -> None:
    found = rows([(["seed=10", "b=x10"], None), (["seed=9", "b=x9"], None), ([], None)])
    assert [row["seed"] for row in ordered(found, "seed")] == ["9", "10", None]
    assert [row["seed"] for row in ordered(found, "-seed")] == ["10", "9", None]
    assert [row["b"] for row in ordered(found, "b")] == ["x10", "x9", None]


def test_the_front_is_what_no_row_beats() -> None:
    assert pareto(FOUND, "weight_bits", "accuracy_csim") == {0, 1}
    assert pareto(FOUND, "accuracy_csim", "weight_bits") == {0, 1}
    # less is better in both
    assert pareto(FOUND, "weight_bits", "cycles") == {0}
    assert pareto(FOUND[:1] * 2, "weight_bits", "accuracy_csim") == {0, 1}
    assert pareto(FOUND[3:4], "weight_bits", "accuracy_csim") == set()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_row_off_the_front_is_beaten_by_one_on_it(points: list[tuple[int, int]]) -> None:
    found: list[Row] = [{"name": None, "accuracy_csim": y, "bits": x} for x, y in points]
    front = pareto(found, "bits", "accuracy_csim")
    for place, (x, y) in enumerate(points):
        beaten = any(points[k][0] <= x and points[k][1] >= y and points[k] != (x, y) for k in front)
        assert beaten == (place not in front)


def test_the_table_marks_the_front_and_leaves_out_empty_columns() -> None:
    assert table(FOUND[:4], marked={0, 1}) == """\
  precision  status  accuracy_float  accuracy_reference  accuracy_csim  decisions_equal  spikes_equal  timesteps  """ \
        """weight_bits  state_bits  multipliers  cycles  interval  fits  seconds
* w4         ok             80.00 %             80.00 %        80.00 %         100.00 %       99.87 %         32  """ \
        """         40          40            3      12         7  yes      1.75
* w6         ok             95.00 %             95.00 %        95.00 %         100.00 %       99.87 %         32  """ \
        """         60          40            3      12         7  yes      1.75
  w8         ok             95.00 %             95.00 %        95.00 %         100.00 %       99.87 %         32  """ \
        """         80          40            3      12         7  yes      1.75
  w16        failed               -                   -              -                -             -          -  """ \
        """          -           -            -       -         -  -           -"""


def test_the_table_shows_the_columns_asked_for() -> None:
    assert table(FOUND[:2], ["weight_bits", "precision"]) == """\
weight_bits  precision
         40  w4
         60  w6"""
    assert table([]) == "no results"
