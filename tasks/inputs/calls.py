"""What runs the user's code, in a child of its own: paths in, files out.

Imports stand inside, as in `tasks.steps`: what one rests on is not what another does; the prepared process has made
them before. Each file is written whole, and left alone if it is already what would be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError, DataError
from hlspike.tasks.archives import arrays, columns
from hlspike.tasks.inputs.child import quiet, seed
from hlspike.tasks.inputs.loading import Loader
from hlspike.tasks.system import files

Config = Mapping[str, Any]


def stimulus(loader: Loader, data: Config, input_shape: list[int], number: int, out: str) -> None:
    """Make the sequences, checked, as the archive `out`; `number` is the seed."""
    from hlspike.generators.stimulus import Stimulus

    source = data["source"]
    seed(number)
    made = loader.call("data.source", source, seed=number, **data["kwargs"])
    if not isinstance(made, Mapping):
        raise DataError(f"data.source: {source} returned a {type(made).__name__}; return a dict with 'frames'")
    checked = Stimulus.validated(made, tuple(input_shape))
    with quiet():
        columns.write(Path(out), checked.to_arrays(), {"frames": checked.dtype})


def train(loader: Loader, model: Config, number: int, out: str, start: str) -> None:
    """Train the network: its state_dict becomes the file `out`, and `start` tells of the parameters it began with."""
    import io

    import torch

    from hlspike.tasks.sources.module import fingerprint, load_module

    module = load_module(loader, model, number, model["checkpoint"])
    began = fingerprint(module)
    seed(number)
    state = loader.call("model.train", model["train"], module, seed=number, **model["train_kwargs"])
    if not isinstance(state, Mapping):
        raise ConfigError(f"model.train: {model['train']} returned a {type(state).__name__}; return a state_dict")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise ConfigError(
                f"model.train: '{name}' of what {model['train']} returned is a {type(value).__name__}; "
                "return module.state_dict()"
            )
    buffer = io.BytesIO()
    torch.save({name: value.detach().clone() for name, value in state.items()}, buffer)
    with quiet():
        files.write(out, buffer.getvalue())
        files.write_json(start, began.to_json())


def extract(
    loader: Loader, model: Config, number: int, state: str | None, start: str | None, reading: str, weights: str,
    parameters: str,
) -> None:
    """Read the layers and their parameters out of the PyTorch module.

    Args:
        start: what training began with; None if there is none, or it began with a checkpoint.
        reading: file for what was read, beside the parameters.
        parameters: file for what the module's parameters are, for the float run to have the same.
    """
    from hlspike.generators.extract.torch_module import extract as read
    from hlspike.tasks.sources.module import Fingerprint, fingerprint, load_module

    module = load_module(loader, model, number, None)
    if start is not None:
        with quiet():
            began = Fingerprint.from_json(files.read_json(start))
        began.check(module, model["source"], "when it was trained")
    notes: list[str] = []
    module = load_module(loader, model, number, state, module, notes)
    loader.doing(f"model: forward of {type(module).__name__}")
    found, values = read(module, tuple(model["input_shape"]), model["time_axis"])
    with quiet():
        arrays.write_npz(weights, values)
        files.write_json(reading, replace(found, notes=(*notes, *found.notes)).to_json())
        files.write_json(parameters, fingerprint(module).to_json())


def run_float(
    loader: Loader, model: Config, number: int, state: str | None, trace: Any, stimulus: str, reading: str,
    extent: str, parameters: str, out: str,
) -> None:
    """Run the PyTorch module itself, in float64; the archive `out` is what it gave.

    Args:
        reading, extent, parameters: files of what was read from the module, and of how far it is run.
    """
    from hlspike.generators.extent import Extent
    from hlspike.generators.extract.executor import float_blocks
    from hlspike.generators.settle.reading import Reading
    from hlspike.generators.stimulus import Stimulus
    from hlspike.tasks.sources.module import Fingerprint, load_module

    with quiet():
        run = Extent.from_json(files.read_json(extent))
        archive = Stimulus.from_arrays(columns.read(Path(stimulus))).head(run.sequences)
        network = Reading.from_json(files.read_json(reading)).network(run.reset_policy, run.window_size)
        extracted = Fingerprint.from_json(files.read_json(parameters))
    played = replace(archive, frames=_Unheard(archive.frames))
    module = load_module(loader, model, number, state)
    extracted.check(module, model["source"], "when the network was read from it")
    loader.doing(f"model: forward of {type(module).__name__}")
    with _scratch(Path(out)) as folder:
        made = columns.Blocks(folder, len(played))
        for block in float_blocks(module, network, played, trace, model["time_axis"]):
            with quiet():
                made.put(block)
        with quiet():
            made.finish(Path(out))


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    scratch = files.scratch(out)
    with quiet():
        folder = scratch.__enter__()
    try:
        yield folder
    finally:
        with quiet():
            scratch.__exit__(None, None, None)


class _Unheard:
    """Frames from a file of ours, whose reading is no input of the user's code that runs meanwhile."""

    def __init__(self, frames: Any) -> None:
        self._frames = frames
        self.shape, self.dtype = frames.shape, frames.dtype

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        with quiet():
            found: NDArray[Any] = self._frames[key]
        return found

    def head(self, rows: int) -> _Unheard:
        return _Unheard(self._frames[:rows] if isinstance(self._frames, np.ndarray) else self._frames.head(rows))
