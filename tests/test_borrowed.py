"""Arguments that were written for an example never reach code of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builds import ROOT

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.compose import composed

OWN = ["model=own", "model.source=net.py:build", "model.input_shape=[16]", "data=own", "data.source=x.npz"]


def config(*overrides: str) -> dict[str, Any]:
    found: dict[str, Any] = composed(overrides, ROOT / "conf")[0][0]["config"]
    return found


def test_a_network_of_ones_own_is_built_from_a_checkout() -> None:
    found = config(*OWN)
    assert found["model"] == {
        "source": "net.py:build", "kwargs": {}, "checkpoint": None, "train": None, "train_kwargs": {},
        "input_shape": [16], "time_axis": "auto", "inputs": [], "env": [],
    }
    assert (found["data"]["source"], found["data"]["kwargs"]) == ("x.npz", {})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.source=net.py:build"],
         "model.source: is given, but model.kwargs.hidden, model.kwargs.beta, model.kwargs.output, model.train would "
         "be those of model=digits; add model=own, or give them, too"),
        (["model.source=net.py:build", "model.kwargs.hidden=3", "model.kwargs.beta=0.5", "model.train=null"],
         "model.source: is given, but model.kwargs.output would be those of model=digits; add model=own, or give them, "
         "too"),
        (["experiment=mnist_spike", "data.source=x.py:stimulus"],
         "data.source: is given, but data.kwargs.timesteps would be those of data=mnist; add data=own, or give them, "
         "too"),
    ],
)
def test_arguments_of_an_example_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(*overrides)
    assert str(error.value) == message


def test_a_choice_of_the_users_own_may_be_given_another_source(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "digits.yaml").write_text(
        "source: a.py:build\nkwargs: {hidden: 3}\ninput_shape: [4]\ntrain: null\ncheckpoint: null\n"
    )
    (tmp_path / "config.yaml").write_text(
        "defaults: [_self_, model: digits, precision: w8, target: default]\nname: x\ndata: {source: x.npz}\n"
    )
    found = composed(["model.source=b.py:build"], tmp_path)[0][0]["config"]
    assert (found["model"]["source"], found["model"]["kwargs"]) == ("b.py:build", {"hidden": 3})
