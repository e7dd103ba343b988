"""Networks that nobody chose: sizes odd, prime and 1, mixed types, any reuse factor and storage, every strategy."""

from __future__ import annotations

import random
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cases import Case, leaky, linear, readout
from projects import Workshop, run, write_project, write_whole
from test_agreement import _expected, _unequal

from hlspike.generators.design import Io
from hlspike.generators.hardware.storage import STORAGES
from hlspike.generators.hardware.strategy import STRATEGIES
from hlspike.generators.ir import Layer
from hlspike.tasks.compilation.toolchain import FLAGS

SIZES = (1, 1, 2, 3, 5, 7, 13, 24, 31, 37, 64, 67, 101, 210, 257)
MODES = ("", ",AP_RND", ",AP_RND,AP_SAT", ",AP_RND_CONV,AP_SAT_SYM", ",AP_TRN_ZERO,AP_SAT_ZERO", ",AP_RND_INF,AP_SAT")


def kind(rng: random.Random, low: int, high: int, signs: tuple[str, ...] = ("", "", "", "u")) -> str:
    width = rng.randint(low, high)
    integer = rng.randint(max(1, width // 4), max(1, width * 2 // 3))
    return f"ap_{rng.choice(signs)}fixed<{width},{integer}{rng.choice(MODES)}>"


def drawn(seed: int) -> tuple[Case, Io]:
    rng = random.Random(seed)
    layers: list[Layer] = []
    inputs, source = rng.choice(SIZES), "input"
    size = inputs
    for number in range(rng.randint(1, 3)):
        wide = rng.choice([other for other in SIZES if other * size <= 20_000])
        layers.append(linear(f"fc{number}", source, size, wide, rng.random() < 0.7))
        options = {"reset_mechanism": rng.choice(("subtract", "zero", "none")), "reset_delay": rng.random() < 0.5,
                   "inhibition": wide > 1 and rng.random() < 0.2, "integrates": rng.random() < 0.2}
        source, size = f"lif{number}", wide
        layers.append(leaky(source, f"fc{number}", size, **options))
    if rng.random() < 0.7:
        rule = rng.choice(("argmax_spike_count", "first_to_threshold", "threshold_then_argmax"))
        layers.append(readout(source, size, rule=rule, emit=rng.choice(("step", "window"))))
    precision = {"default": kind(rng, 8, 24, ("",)), "weight": kind(rng, 2, 12), "result": kind(rng, 6, 20),
                 "membrane": kind(rng, 6, 20), "accum": rng.choice(("auto", kind(rng, 6, 24, ("",))))}
    chosen = {key: value for key, value in precision.items() if key == "default" or rng.random() < 0.6}
    hls: dict[str, Any] = {
        "model": {"precision": chosen, "reuse_factor": rng.choice((1, 1, 2, 3, 7, 16, 60, 1000)),
                  "storage": rng.choice(STORAGES)},
        "types": {"LIFNeuron": {"reuse_factor": rng.choice((1, 2, 5, 16, 100)), "storage": rng.choice(STORAGES)}},
    }
    spikes = rng.random() < 0.5
    if spikes:
        hls["layers"] = {"input": {"precision": {"result": "ap_uint<1>"}}}
    vectors = tuple(layer.name for layer in layers if layer.name.startswith("lif") and rng.random() < 0.4)
    case = Case(f"random{seed}", tuple(layers), hls, inputs=inputs, spikes_in=spikes, vectors=vectors, seed=seed,
                scale=rng.choice((0.05, 0.3, 1.0, 2.0)), theta=rng.choice((0.2, 0.7, 1.5)))
    io: Io = rng.choice(("parallel", "stream"))
    return case, io


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(40, 46))])
def test_reference_and_csim_agree_on_networks_that_nobody_chose(
    seed: int, strategy: str, workshop: Workshop, tmp_path: Path
) -> None:
    case, io = drawn(seed)
    hls = deepcopy(case.hls)
    hls["model"] |= {"strategy": strategy} | ({"reuse_factor": 1} if strategy == "distributed_arithmetic" else {})
    project = write_project(case, io, tmp_path / "made", hls)
    program = tmp_path / "csim"
    flags = [*FLAGS, "-Werror", "-O0", "-include", str(workshop.header), "-isystem", workshop.tools.include]
    given = [str(write_whole(project)), *map(str, workshop.bench), "-o", str(program)]
    subprocess.run([workshop.tools.compiler, *flags, *given], check=True)
    code, found = run(program, project.layout.bench_data, tmp_path / "out")
    assert _unequal(found, _expected(project)) == [] and code == 0
