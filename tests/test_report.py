"""The report's content, and its two texts word for word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hlspike.generators.report.summary import Report, assemble, markdown, terminal_table

LAYERS: list[dict[str, Any]] = [
    {"name": "input", "type": "Input", "reuse_factor": None, "precision": {"result": "ap_uint<1>"}, "parameters": 0,
     "multipliers": 0, "warnings": [], "automatic": {}, "parameters_error": {}},
    {"name": "fc1", "type": "Linear", "reuse_factor": 16,
     "precision": {"weight": "ap_fixed<6,1>", "accum": "ap_fixed<12,7>"}, "parameters": 544, "multipliers": 32,
     "warnings": ["weight: 2 of 512 values saturate", "reuse_factor: 15 is not legal, moved to 16"],
     "automatic": {"accum": "auto: lossless"},
     "parameters_error": {"weight": {"values": 512, "saturated": 2, "vanished": 40, "rms": 0.012345, "value": 1.0,
                                     "leak": None}}},
    {"name": "lif|1", "type": "LIFNeuron", "reuse_factor": 1, "precision": {"beta": "ap_ufixed<8,0>"}, "parameters": 2,
     "multipliers": 0, "warnings": ["membrane: 3 of 96 values overflow"], "automatic": {},
     "parameters_error": {"beta": {"values": 1, "saturated": 0, "vanished": 0, "rms": 0.0, "value": 0.0, "leak": 0.0}}},
]
AGREED: dict[str, Any] = {
    "decisions_float_reference": 0.75, "logits_float_reference": None, "largest_logit_error": None,
    "spikes_float_reference": 0.99876,
    "first_divergence": {"layer": "lif|1", "sequence": 2, "timestep": 7, "neuron": 11, "cause": "overflow"},
    "mismatches_reference_csim": 0,
}
EQUAL: dict[str, Any] = {
    "decisions_float_reference": None, "logits_float_reference": None, "largest_logit_error": None,
    "spikes_float_reference": None, "first_divergence": None,
    "mismatches_reference_csim": 3,
}
REPORT: Report = {
    "name": "digits w6",
    "sequences": 4,
    "timesteps": 90,
    "empty": 0,
    "accuracy": {"float": 1.0, "reference": 0.75, "csim": 0.66666},
    "agreement": AGREED,
    "layers": LAYERS,
    "warnings": ["window_size is not given", "fc1: weight: 2 of 512 values saturate",
                 "fc1: reuse_factor: 15 is not legal, moved to 16", "lif|1: membrane: 3 of 96 values overflow"],
    "notes": ["the marker's beta is overruled"],
    "versions": {"python": "3.11.2", "g++": "g++ (Debian) 12.2"},
    "seconds": {"extract": 2.0, "link": 0.125},
}
QUIET: Report = {
    **REPORT,
    "accuracy": {"float": None, "reference": None, "csim": None},
    "agreement": EQUAL,
    "layers": [{**layer, "warnings": []} for layer in LAYERS[:1]],
    "warnings": [],
    "notes": [],
}


def _traces(float_: Any, reference: Any, csim: Any) -> dict[str, dict[str, Any]]:
    stages = {"float": float_, "reference": reference, "csim": csim}
    return {stage: {} if values is None else {"decision": np.array(values)} for stage, values in stages.items()}


def _accuracy(labels: list[int] | None, *decisions: Any) -> dict[str, float | None]:
    classes = None if labels is None else np.array(labels)
    lengths = np.full(len(decisions[0] or [0]), 5)
    report = assemble("x", classes, lengths, _traces(*decisions), {}, [], [], [], {}, {})
    made: dict[str, float | None] = report["accuracy"]
    return made


def test_a_report_holds_what_it_is_given() -> None:
    agreement = {"decisions_float_reference": 0.5, "mismatches_reference_csim": 0}
    made = assemble(
        "digits", np.array([1, 0, 2]), np.array([5, 2, 5]), _traces([1, 0, 2], [1, 1, 2], [1, 1, 1]), agreement,
        tuple(LAYERS[:2]), ("a warning",), ("a note",), {"numpy": "2.0"}, {"float": 0.12349, "csim": 3.0},
    )
    assert made == {
        "name": "digits",
        "sequences": 3,
        "timesteps": 12,
        "empty": 0,
        "accuracy": {"float": 1.0, "reference": 2 / 3, "csim": 1 / 3},
        "agreement": agreement,
        "layers": LAYERS[:2],
        "warnings": ["a warning", "fc1: weight: 2 of 512 values saturate",
                     "fc1: reuse_factor: 15 is not legal, moved to 16"],
        "notes": ["a note"],
        "versions": {"numpy": "2.0"},
        "seconds": {"float": 0.123, "csim": 3.0},
    }
    assert list(made) == [
        "name", "sequences", "timesteps", "empty", "accuracy", "agreement", "layers", "warnings", "notes", "versions",
        "seconds",
    ]
    assert {type(made[key]) for key in ("sequences", "timesteps", "empty")} == {int}
    assert type(made["accuracy"]["reference"]) is float


def test_an_empty_sequence_is_counted_and_is_neither_right_nor_wrong() -> None:
    made = assemble(
        "digits", np.array([1, 0, 0, 2]), np.array([5, 0, 1, 5]),
        _traces([1, -1, 0, 2], [1, -1, 1, 2], [-0.5, np.nan, -0.5, 0.5]), EQUAL, LAYERS, (), (), {}, {},
    )
    assert (made["sequences"], made["empty"], made["timesteps"]) == (4, 1, 11)
    assert made["accuracy"] == {"float": 1.0, "reference": 2 / 3, "csim": 1 / 3}
    played = "4 sequences, 1 of them empty, without decision, 11 timesteps"
    assert terminal_table(made).splitlines()[0] == f"digits: {played}"
    assert markdown(made).splitlines()[2] == f"{played}."


@pytest.mark.parametrize(
    ("labels", "decisions"),
    [(None, ([1, 0], [1, 1], [1, 1])), ([1, 0], (None, None, None))],
    ids=["no labels", "no decisions"],
)
def test_without_labels_or_decisions_there_is_no_accuracy(labels: Any, decisions: Any) -> None:
    assert _accuracy(labels, *decisions) == {"float": None, "reference": None, "csim": None}


def test_a_logit_above_zero_is_the_second_class() -> None:
    logits = [0.25, -0.25, 0.0, 3.0]
    accuracy = _accuracy([1, 0, 0, 0], logits, [-value for value in logits], [0.5, 0.5, 0.5, 0.5])
    # 0 is no lead: class 0, right in the first two stages
    assert accuracy == {"float": 0.75, "reference": 0.5, "csim": 0.25}


def test_the_terminal_shows_a_page() -> None:
    assert terminal_table(REPORT) == """\
digits w6: 4 sequences, 90 timesteps
  accuracy   float 100.00 %   reference 75.00 %   csim 66.67 %
  agreement  decisions 75.00 %, spikes 99.88 % (float = reference); 0 values differ (reference = csim)
  first part layer lif|1, sequence 2, timestep 7, neuron 11: overflow

  layer  type       RF  parameters  multipliers  precision
  input  Input      -   0           0            result ap_uint<1>
  fc1    Linear     16  544         32           weight ap_fixed<6,1>, accum ap_fixed<12,7>
  lif|1  LIFNeuron  1   2           0            beta ap_ufixed<8,0>

  warning: window_size is not given
  warning: fc1: weight: 2 of 512 values saturate
  warning: fc1: reuse_factor: 15 is not legal, moved to 16
  warning: lif|1: membrane: 3 of 96 values overflow
  note: the marker's beta is overruled

  seconds    extract 2, link 0.125"""


def test_the_terminal_leaves_out_what_there_is_not() -> None:
    assert terminal_table(QUIET) == """\
digits w6: 4 sequences, 90 timesteps
  accuracy   float -   reference -   csim -
  agreement  decisions -, spikes - (float = reference); 3 values differ (reference = csim)

  layer  type   RF  parameters  multipliers  precision
  input  Input  -   0           0            result ap_uint<1>

  seconds    extract 2, link 0.125"""


def test_the_document_says_the_same() -> None:
    assert markdown(REPORT) == """\
# digits w6

4 sequences, 90 timesteps.

| | float | reference | csim |
|---|---|---|---|
| accuracy | 100.00 % | 75.00 % | 66.67 % |

- Decisions equal, float and reference: 75.00 %
- Spikes equal, float and reference: 99.88 %
- Values that differ, reference and csim: 0
- First divergence of float and reference: layer lif|1, sequence 2, timestep 7, neuron 11: overflow

## Layers

| layer | type | RF | parameters | multipliers | precision |
|---|---|---|---|---|---|
| input | Input | - | 0 | 0 | result ap_uint<1> |
| fc1 | Linear | 16 | 544 | 32 | weight ap_fixed<6,1>, accum ap_fixed<12,7> |
| lif\\|1 | LIFNeuron | 1 | 2 | 0 | beta ap_ufixed<8,0> |

## Warnings

- window_size is not given
- fc1: weight: 2 of 512 values saturate
- fc1: reuse_factor: 15 is not legal, moved to 16
- lif|1: membrane: 3 of 96 values overflow

## Notes

- the marker's beta is overruled

## Parameters

What fixed point takes from each parameter. RMS: root mean square of the errors over that of the values. Largest: \
the largest error of a value over that value.
Leak: of decays, the largest error over 1 − value. Saturated, to zero: how many values.

| layer | parameter | type | values | RMS | largest | leak | saturated | to zero |
|---|---|---|---|---|---|---|---|---|
| fc1 | weight | ap_fixed<6,1> | 512 | 1.23 % | 100 % | - | 2 | 40 |
| lif\\|1 | beta | ap_ufixed<8,0> | 1 | 0 % | 0 % | 0 % | 0 | 0 |

## Types taken from values

- fc1: accum is ap_fixed<12,7>: auto: lossless

## Seconds

| stage | s |
|---|---|
| extract | 2 |
| link | 0.125 |

## Versions

- python 3.11.2
- g++ g++ (Debian) 12.2
"""


def test_the_terminal_shows_so_many_warnings_and_counts_the_rest() -> None:
    many = {**QUIET, "warnings": [f"fc{k}: weight" for k in range(30)], "notes": ["a note"]}
    lines = terminal_table(many).splitlines()[7:-2]
    assert lines == [*(f"  warning: fc{k}: weight" for k in range(24)), "  7 more in report.md"]


def test_a_logit_is_compared_by_class_and_by_value() -> None:
    logits = {**QUIET, "agreement": {**AGREED, "logits_float_reference": 0.5, "largest_logit_error": 0.125}}
    told = "75.00 % by class, the sign of the logit, and 50.00 % by value, which differs by at most 0.125"
    assert f"  agreement  decisions {told}, spikes 99.88 % (float = reference)" in terminal_table(logits)
    assert f"- Decisions equal, float and reference: {told}\n" in markdown(logits)


def test_the_document_leaves_out_what_there_is_not() -> None:
    assert markdown(QUIET) == """\
# digits w6

4 sequences, 90 timesteps.

| | float | reference | csim |
|---|---|---|---|
| accuracy | - | - | - |

- Decisions equal, float and reference: -
- Spikes equal, float and reference: -
- Values that differ, reference and csim: 3

## Layers

| layer | type | RF | parameters | multipliers | precision |
|---|---|---|---|---|---|
| input | Input | - | 0 | 0 | result ap_uint<1> |

## Seconds

| stage | s |
|---|---|
| extract | 2 |
| link | 0.125 |

## Versions

- python 3.11.2
- g++ g++ (Debian) 12.2
"""
