"""What `doit build` says when it cannot build: one line, an exit code, no traceback; what was built is still there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from builds import Place


@pytest.fixture(scope="module")
def place(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A built directory that every refusal has to leave as it is."""
    place = built.copy(tmp_path_factory.mktemp("refusals") / "place")
    before = place.made()
    place.write("broken.py", "1 / 0\n")
    torch.save({"fc1.weight": torch.zeros(6, 5)}, place.path / "half.pt")
    np.savez(place.path / "wide.npz", frames=np.zeros((2, 4, 6)))
    np.savez(place.path / "short.npz", frames=np.zeros((2, 3, 5)))
    yield place
    place.build()
    assert place.made() == before


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=1", "sed: there is no such key or group, did you mean 'seed'; see conf/config.yaml"),
        ("seed=x", "seed: must be an integer, found 'x'"),
        ("precision=ten", "precision: there is no 'ten'; choices are auto, eight, w16, w4, w6, w8, wide"),
        ("csim.compiler=no-g++", "csim.compiler: there is no 'no-g++' on the PATH; install g++ or name another"),
        ("hls.layers.fc1.reuse_factor=7",
         "hls.layers.fc1.reuse_factor: 7 does not divide the 30 products of layer 'fc1'; the nearest legal values are "
         "6 and 10"),
        ("hls.layers.fc.reuse_factor=1",
         "hls.layers.fc: there is no such layer, did you mean 'fc2'; layers are input, fc1, lif1, fc2, lif2, readout"),
        ("hls.layers.fc1.precision.weight=ap_fxed<8,2>",
         "hls.layers.fc1.precision.weight: 'ap_fxed<8,2>' is not a fixed-point type; write ap_fixed<W,I>, "
         "ap_fixed<W,I,Q,O>, ap_ufixed<W,I,Q,O>, ap_int<W>, ap_uint<W> or ap_fixed_W_I_Q_O, with Q one of TRN, "
         "TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV and O one of WRAP, SAT, SAT_ZERO, SAT_SYM, or "
         "auto or auto<W>"),
        ("model.source=none.py:build", "model.source: there is no file none.py; paths are relative to {here}"),
        ("model.source=broken.py:build",
         "model.source: importing broken.py raised ZeroDivisionError: division by zero; at broken.py:1; traceback in "
         "build/tiny/log/extract-traceback.log"),
        ("model.checkpoint=none.pt", "model.checkpoint: there is no file none.pt; paths are relative to {here}"),
        ("model.checkpoint=half.pt",
         "model.checkpoint: half.pt does not fit the module: 'fc1.bias' is missing; it holds fc1.weight"),
        ("data.source=none.npz", "data.source: there is no file none.npz; paths are relative to {here}"),
        ("readout.n_classes=4", "readout.n_classes is 4; but 'lif2' has 3 outputs; set it to 3 or to null"),
        ("data.source=wide.npz", "data.kwargs: a file takes no arguments, found {{'sequences': 6}}; remove them"),
    ],
)
def test_a_build_that_cannot_be_is_one_line(place: Place, override: str, message: str) -> None:
    found = place.refused(override)
    assert found == message.format(here=place.path)


def test_sequences_that_do_not_fit_are_refused(place: Place) -> None:
    place.edit("conf/config.yaml", "kwargs: {sequences: 6}", "kwargs: {}")
    try:
        assert place.refused("data.source=wide.npz") == (
            "data: frames have shape (2, 4, 6), but model.input_shape asks for (N, T, 5); reshape them or set "
            "model.input_shape"
        )
        assert place.refused("data.source=short.npz") == (
            "data: sequence 0 has 3 timesteps, but reset_policy fixed_window ends a sequence every 4; pad it with "
            "timesteps without input to a multiple, cut it, or set readout.window_size; for sequences of different "
            "lengths set readout.reset_policy=tlast"
        )
    finally:
        place.edit("conf/config.yaml", "kwargs: {}\n  calibration", "kwargs: {sequences: 6}\n  calibration")


def test_a_key_given_twice_is_refused(place: Place) -> None:
    assert place.refused("seed=1", "seed=2") == "seed: given twice on the command line; keep one"


def test_a_variant_that_is_not_there_is_one_line(place: Place) -> None:
    assert place.refused("seed=0,1", HLSPIKE_VARIANT="seed-2") == (
        "HLSPIKE_VARIANT: there is no variant 'seed-2' of this command line; unset it"
    )


def test_a_folder_that_cannot_be_written_is_one_line(place: Place) -> None:
    place.write("blocked", "a file where the build would make a folder\n")
    ran = place.doit("build", HLSPIKE_BUILD="blocked")
    assert ran.code != 0
    assert re.fullmatch(r"(ERROR|error): blocked: [^\n]*\n", ran.err)
