"""Variants: composed once, kept as long as nothing they came from changes, and told apart by their names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builds import ROOT, Place, furnished
from omegaconf import OmegaConf

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration import variants
from hlspike.tasks.layout import Layout


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A user's directory, and this process in it."""
    monkeypatch.chdir(tmp_path)
    return furnished(tmp_path)


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows whenever a configuration is composed."""
    count: list[int] = []
    compose = variants._composed

    def counted(*arguments: object) -> object:
        count.append(1)
        return compose(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(variants, "_composed", counted)
    return count


def test_a_configuration_is_composed_once(here: Place, composed: list[int]) -> None:
    first = variants.load(["seed=3"])
    assert variants.load(["seed=3"]) == first
    assert first[0].config["seed"] == 3
    assert len(composed) == 1
    assert variants.load([])[0].config["seed"] == 0
    assert len(composed) == 2


@pytest.mark.smoke
def test_a_known_configuration_needs_no_hydra(here: Place) -> None:
    code = "import sys; from hlspike.tasks.configuration import variants; variants.load([]); " \
           "print({'hydra', 'pydantic'} & set(sys.modules))"
    ran = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
                       cwd=here.path, capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert ran[0] != "set()" and ran[1] == "set()"


@pytest.mark.parametrize("change", ["edit", "new file", "environment", "gone"])
def test_whatever_it_came_from_composes_it_anew(
    here: Place, composed: list[int], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setenv("HLSPIKE_TEST_SEED", "5")
    here.edit("conf/config.yaml", "seed: 0", "seed: ${oc.decode:${oc.env:HLSPIKE_TEST_SEED}}")
    here.write("conf/precision/spare.yaml", "{}\n")
    assert variants.load([])[0].config["seed"] == 5
    match change:
        case "edit":
            here.edit("conf/precision/eight.yaml", "reuse_factor: 1", "reuse_factor: 2")
        case "new file":
            here.write("conf/precision/four.yaml", "{}\n")
        case "environment":
            monkeypatch.setenv("HLSPIKE_TEST_SEED", "6")
        case _:
            (here.path / "conf/precision/spare.yaml").unlink()
    found = variants.load([])[0].config
    assert len(composed) == 2
    assert (found["seed"], found["hls"]["model"]["reuse_factor"]) == (
        6 if change == "environment" else 5, 2 if change == "edit" else 1
    )


def test_a_refused_configuration_is_refused_again(here: Place) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"^seed: must be an integer, found 'x'$"):
            variants.load(["seed=x"])


def test_a_damaged_entry_is_composed_anew(here: Place, composed: list[int]) -> None:
    variants.load([])
    (entry,) = (here.path / "build" / ".cache").iterdir()
    entry.write_text("{")
    assert variants.load([])[0].config["name"] == "tiny"
    assert len(composed) == 2


SHIPPED = "digits_membrane, digits_spike, mnist_membrane, mnist_spike"


@pytest.mark.parametrize("overrides", [[], ["precision=w4"], ["experiment=null"], ["+experiment="], ["seed=1,2"]])
@pytest.mark.parametrize(("file", "found"), [
    (None, ""), ("conf/precision/w4.yaml", ""), ("conf/config.yml", ", only config.yml"), ("config.yaml", ""),
])
def test_without_a_configuration_a_directory_is_told_where_one_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], file: str | None, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if file:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("name: x\n")
    with pytest.raises(ConfigError) as refused:
        variants.load(overrides)
    assert str(refused.value) == (
        f"conf: there is no config.yaml in {tmp_path / 'conf'}{found}, and HLSPIKE_CONF names no other folder; write "
        f"one, work where one is, or ask for a shipped example by experiment=, which is one of {SHIPPED}"
    )


@pytest.mark.parametrize("override", ["experiment=digits_spike", "+experiment=digits_spike"])
def test_a_shipped_experiment_can_be_asked_for_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (variant,) = variants.load(["experiment=digits_spike"])
    assert (str(variant), variant.layout) == ("digits_spike", Layout(Path("build/digits_spike")))
    assert variant.notes == ()
    assert [str(one) for one in variants.load(["experiment=digits_spike,mnist_spike"])] == [
        "digits_spike experiment-digits_spike", "mnist_spike experiment-mnist_spike",
    ]


def test_variants_of_a_sweep_have_a_folder_each(here: Place) -> None:
    found = variants.load(["seed=1,2", "hls.layers.fc1.precision.weight=ap_fixed<7,2>,ap_fixed<8,2>"])
    assert [variant.layout.root for variant in found] == [
        Path(f"build/tiny/seed-{seed},hls.layers.fc1.precision.weight-ap_fixed-{width}-2")
        for seed in (1, 2) for width in (7, 8)
    ]
    assert str(found[0]) == "tiny seed-1,hls.layers.fc1.precision.weight-ap_fixed-7-2"


def test_names_too_long_or_alike_are_told_apart(here: Place) -> None:
    values = [f"{'a' * 200}{end}" for end in "xy"]
    found = variants.load([f"model.kwargs.word={','.join(values)}"])
    names = [variant.layout.root.name for variant in found]
    assert len(set(names)) == 2 and all(len(name) < 140 for name in names)
    folded = [variant.layout.root.name.lower() for variant in variants.load(["model.kwargs.word=b,B"])]
    assert len(set(folded)) == 2


def test_the_same_variant_twice_is_refused(here: Place) -> None:
    message = "sweep: the same variant is asked for twice; remove the repeated value"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        variants.load(["seed=1,1"])


@pytest.mark.parametrize("text", [
    "${oc.env:CHANCE}", "${oc.env:'CHANCE'}", '${oc.env:"CHANCE"}', "${oc.env: CHANCE }", "${oc.env:CHANCE,3}",
    "${oc.decode:${oc.env:CHANCE}}", "${oc.env:${data.kwargs.variable}}", "${oc.env:CH${data.kwargs.rest}}",
    "${oc.env:OTHER,${oc.env:CHANCE}}", "${own:CHANCE}",
])
def test_a_variable_that_any_resolver_reads_is_part_of_what_is_composed(
    text: str, here: Place, composed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    OmegaConf.register_new_resolver("own", lambda name: os.environ.get(name, "none"), replace=True)
    kwargs = f"variable: CHANCE, rest: ANCE, value: '{text.replace(chr(39), 2 * chr(39))}'"
    here.edit("conf/config.yaml", "kwargs: {sequences: 6}", f"kwargs: {{sequences: 6, {kwargs}}}")
    for value in ("7", "8", "7"):
        monkeypatch.setenv("CHANCE", value)
        assert str(variants.load([])[0].config["data"]["kwargs"]["value"]) == value
    monkeypatch.setenv("UNRELATED", "9")
    variants.load([])
    assert len(composed) == 3
    monkeypatch.setenv("OTHER", "9")
    assert str(variants.load([])[0].config["data"]["kwargs"]["value"]) == ("9" if "OTHER" in text else "7")
