"""What a build can be asked: its results, where its configuration came from, and the schema of one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from builds import ROOT, Place, furnished

from hlspike.generators.report.scatter import scatter
from hlspike.tasks.configuration.schema import comments, schema_text

KEY = "hls.layers.fc2.precision.weight"


def answer(place: Place, *arguments: str) -> str:
    ran = place.doit(*arguments)
    assert (ran.code, ran.err) == (0, ""), ran
    return ran.out


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A directory with an experiment and an interpolation, nothing built."""
    place = furnished(tmp_path_factory.mktemp("fresh"))
    place.write("conf/experiment/small.yaml", "# @package _global_\ndefaults: [override /precision: eight]\nseed: 4\n")
    place.edit("conf/config.yaml", "  - precision: eight\n", "  - precision: eight\n  - experiment: null\n")
    place.edit("conf/config.yaml", "window_size: 4", "window_size: '${seed}'")
    return place


def test_every_value_tells_where_it_came_from(fresh: Place) -> None:
    given = ("experiment=small", "hls.layers.fc1.reuse_factor=5", "sim={trace: states}", "data.kwargs.sequences=5")
    assert answer(fresh, "config", *given) == """\
# tiny
# precision=eight, experiment/small.yaml
# experiment=small, command line
name: tiny                           # conf/config.yaml
seed: 4                              # conf/experiment/small.yaml
model:
  source: model.py:build             # conf/config.yaml
  kwargs:
    beta: 0.75                       # conf/config.yaml
  checkpoint: weights.pt             # conf/config.yaml
  train: null                        # conf/config.yaml
  train_kwargs: {}                   # conf/config.yaml
  input_shape: [5]                   # conf/config.yaml
  time_axis: auto                    # default
  inputs: []                         # default
  env: []                            # default
data:
  source: data.py:stimulus           # conf/config.yaml
  kwargs:
    sequences: 5                     # command line
  calibration: 4                     # conf/config.yaml
  inputs: []                         # default
  env: []                            # default
readout:
  decision_rule: argmax_spike_count  # conf/config.yaml
  window_size: 4                     # conf/config.yaml, ${seed}
  class_threshold: 2                 # conf/config.yaml
hls:
  model:
    precision:
      default: ap_fixed<12,5>        # conf/precision/eight.yaml
    reuse_factor: 1                  # conf/precision/eight.yaml
  types:
    Linear:
      precision:
        weight: ap_fixed<8,2>        # conf/precision/eight.yaml
        bias: ap_fixed<8,2>          # conf/precision/eight.yaml
        accum: auto                  # conf/precision/eight.yaml
  layers:
    input:
      precision:
        result: ap_ufixed<6,2>       # conf/precision/eight.yaml
    fc1:
      reuse_factor: 5                # command line
target:
""" + answer(fresh, "config", *given).partition("target:\n")[2]


def test_each_variant_of_a_sweep_has_its_own_page(fresh: Place) -> None:
    page = answer(fresh, "config", "seed", "seed=1,2")
    assert page == """\
# tiny seed-1
# precision=eight, config.yaml
seed: 1  # command line

# tiny seed-2
# precision=eight, config.yaml
seed: 2  # command line
"""


def test_a_key_that_is_not_there_is_refused(fresh: Place) -> None:
    ran = fresh.doit("config", "sed")
    assert (ran.code, ran.out) == (1, "")
    assert ran.error.startswith("config: there is no key 'sed'; keys are name, seed, model, data, readout, hls, ")


def test_what_the_marker_and_the_defaults_have_settled_is_told(place: Place) -> None:
    place.edit("model.py", "import torch\n", "import torch\nfrom hlspike import SNNReadout\n")
    place.edit("model.py", "        self.lif2 =", "        self.out = SNNReadout(decision_rule='argmax_spike_count', "
               "window_size=4)\n        self.lif2 =")
    place.edit("model.py", "return self.lif2(self.fc2(self.lif1(self.fc1(x))))",
               "return self.out(self.lif2(self.fc2(self.lif1(self.fc1(x)))))")
    place.edit("conf/config.yaml", "readout: {decision_rule: argmax_spike_count, class_threshold: 2, window_size: 4}",
               "readout: {window_size: 2, decision_rule: null, n_classes: null, emit: null, class_threshold: null}")
    assert "marker" not in answer(place, "config", "readout")
    place.doit("network")
    told = dict(re.findall(r"^  (\w+: \S+) +# (.*)$", answer(place, "config", "readout"), re.MULTILINE))
    assert told == {
        "window_size: 2": "conf/config.yaml", "decision_rule: argmax_spike_count": "marker in the model",
        "n_classes: 3": "default", "emit: window": "default", "class_threshold: 1": "default",
        "output_mode: spike": "default", "beta: 1.0": "default", "reset_policy: fixed_window": "default",
    }


@pytest.fixture(scope="module")
def swept(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A directory with a build by itself, and a sweep of two."""
    place = built.copy(tmp_path_factory.mktemp("results") / "place")
    assert place.doit("build", "cache.enabled=true", f"{KEY}=ap_fixed<3,2>,ap_fixed<9,2>").code == 0
    return place


def test_results_are_those_of_every_build_in_the_folder(swept: Place) -> None:
    shown = answer(swept, "results", f"--columns={KEY},status,timesteps")
    # a star marks the front of accuracy against bits of weights
    assert shown == f"""\
  {KEY}  status  timesteps
* ap_fixed<3,2>                    ok             24
  ap_fixed<9,2>                    ok             24
* -                                ok             24
"""
    assert answer(swept, "results", f"--columns={KEY}", f"{KEY}:ap_fixed<9,2>") == f"{KEY}\nap_fixed<9,2>\n"


def test_results_are_sorted_drawn_and_saved(swept: Place) -> None:
    shown = answer(swept, "results", "--sort=-spikes_equal", "--pareto=timesteps,spikes_equal", "--picture=front.png",
                   f"--columns={KEY},spikes_equal", "timesteps>0")
    values = [float(value) for value in re.findall(r"(\d+\.\d\d) %", shown)]
    assert values == sorted(values, reverse=True) and len(values) == 3
    assert "spikes_equal over timesteps; * is on the front" in shown
    assert shown.endswith("\nfront.png\n")
    assert (swept.path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_results_of_a_configuration_are_only_its_own(swept: Place) -> None:
    """Built; not built; and built, but of another configuration since."""
    asked = "cache.enabled=true", f"{KEY}=ap_fixed<9,2>,ap_fixed<5,2>"
    assert answer(swept, "results", "--columns=status", *asked) == "  status\n* ok\n  not built\n"
    assert answer(swept, "results", "--columns=status", "sim.sequences=3") == "status\noutdated\n"
    # a picture or another cache makes no other result
    assert answer(swept, "results", "--columns=status", "report.pictures=true") == "status\nok\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status"], "results: 'status' is no condition; write column>value, with one of < > <= >= = !="),
        (["--sort=acuracy_csim"], "results: there is no column 'acuracy_csim'; did you mean 'accuracy_csim'"),
        (["--pareto=cycles,cycle"], "results: there is no column 'cycle'; did you mean 'cycles'"),
        (["--pareto=name,cycles"], "results: column 'name' holds no numbers, found 'tiny'; name one that does"),
        (["--pareto=cycles"], "results: --pareto=cycles names 1 columns; give two, separated by a comma"),
        (["timesteps>3", "--filter=x"],
         "--filter: there is no such option; options are --sort=…, --columns=…, --pareto=…, --picture=…"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(swept: Place, words: list[str], message: str) -> None:
    ran = swept.doit("results", *words)
    # a word that is wrong is told before anything is done, and with the code of the command line
    assert (ran.code, ran.out, ran.error) == (3 if words[-1].startswith("--filter") else 1, "", message)


def test_points_are_drawn_from_corner_to_corner() -> None:
    drawn = scatter([(1.0, 0.5), (3.0, 1.0), (2.0, 0.75)], {0, 1}, "bits", "accuracy").splitlines()
    assert drawn[0] == "accuracy over bits; * is on the front"
    assert drawn[1] == "  1 |" + " " * 63 + "*"
    assert drawn[8] == "    |" + " " * 32 + "o" or drawn[9] == "    |" + " " * 32 + "o"
    assert drawn[16] == "0.5 |*"
    assert drawn[18] == "     1" + "3".rjust(63)
    # a single point, or several of one value, have no extent
    assert "*" in scatter([(1.0, 1.0)], {0}, "a", "b") and scatter([], set(), "a", "b") == ""


def test_the_shipped_schema_is_that_of_the_settings() -> None:
    """`doit schema` writes it anew."""
    assert (ROOT / "conf" / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_written_beside_the_configuration_in_use(fresh: Place) -> None:
    assert answer(fresh, "schema").startswith(str(fresh.path / "conf" / "schema.json"))
    assert (fresh.path / "conf" / "schema.json").read_bytes() == (ROOT / "conf" / "schema.json").read_bytes()


def test_a_key_is_described_by_its_comment() -> None:
    assert comments("a: 1  # one\nb:  # two\n  c: null   # three\n  d:\n    e: [1]  # four\nf: x#y\n") == {
        "a": "one", "b": "two", "b.c": "three", "b.d.e": "four",
    }
    schema: dict[str, Any] = json.loads((ROOT / "conf" / "schema.json").read_text(encoding="utf-8"))
    described = schema["$defs"]["Sim"]["properties"]["trace"]
    assert described["description"].startswith("decisions | spikes | states")
    assert described["anyOf"][0]["enum"] == ["decisions", "spikes", "states"]
    assert described["default"] == "spikes"
    target = schema["$defs"]["Target"]["properties"]
    assert target["clock_period"]["description"] == "ns"
    # a file holds only some of the keys, and may refer to others
    assert not any("required" in part for part in (schema, *schema["$defs"].values()))
