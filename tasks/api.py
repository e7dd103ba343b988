"""Builds from Python: overrides in, the report, the traces and a predictor out.

    from hlspike import build

    made = build(["precision=w6", "hls.layers.fc1.reuse_factor=8"])
    made.report["accuracy"]["csim"]
    made.predict(frames)

A build is a process of its own, the same `doit build` that a terminal runs: doit keeps state of a run in its modules,
and a process that has imported a user's model once would not see it edited. So a second build in this process, or one
in another thread, is as good as the first.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hlspike.generators.errors import ConfigError, HlspikeError, ToolError
from hlspike.generators.reference import Reference, outcomes
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import Integers, TypedInput, TypedNetwork
from hlspike.tasks.archives import arrays
from hlspike.tasks.configuration import variants
from hlspike.tasks.layout import IMPORTED, PACKAGE
from hlspike.tasks.prediction import sequences
from hlspike.tasks.prediction.floating import Module
from hlspike.tasks.prediction.program import Program
from hlspike.tasks.prediction.stream import Stream
from hlspike.tasks.system import files, processes
from hlspike.tasks.terminal import console

Stage = Literal["float", "reference", "csim"]
_STAGES: tuple[Stage, ...] = ("float", "reference", "csim")
_building = threading.Lock()
"""Hydra composes one configuration at a time, and a folder must be read before another build makes it anew."""


class BuildFailed(HlspikeError):  # noqa: N818 - the name says what happened
    """A step of the build failed; the message is what the build said of it."""


@dataclass(frozen=True, repr=False)
class Build:
    """A build as it was when it was made: later ones below the same name do not change it.

    Attributes:
        report: the content of report.json.
        config: the resolved configuration.
    """

    report: Mapping[str, Any]
    config: Mapping[str, Any]
    _traces: Mapping[str, Mapping[str, NDArray[Any]]]
    _typed: TypedNetwork
    _integers: Integers
    _path: Path
    _program: Program
    _module: Module

    def __repr__(self) -> str:
        """Five lines: what was built, how well it decides, whether its executors agree, how large it is."""
        report, network = self.report, self._typed.network
        known = {stage: value for stage, value in report["accuracy"].items() if value is not None}
        accuracy = ", ".join(f"{stage} {value:.2%}" for stage, value in known.items())
        agreement, estimate = report["agreement"], report["estimate"]
        return "\n".join((
            f"Build of {report['name']}: {len(network.layers)} layers, {report['sequences']} sequences, "
            f"{report['timesteps']} timesteps",
            f"  accuracy: {accuracy or 'not known'}",
            f"  values that differ between reference and csim: {agreement['mismatches_reference_csim']}",
            f"  estimate: {estimate['latency']} cycles per timestep, {estimate['multipliers']} multipliers, "
            f"{estimate['bram_18k']} BRAM_18K",
            f"  warnings: {len(report['warnings'])}",
        ))

    def trace(self, stage: Stage) -> dict[str, NDArray[Any]]:
        """The arrays of the trace.npz of "float", "reference" or "csim".

        Raises:
            ConfigError: there is no such stage.
        """
        if stage not in self._traces:
            raise ConfigError(f"trace: there is no stage {stage!r}; stages are {', '.join(_STAGES)}")
        return {name: array.copy() for name, array in self._traces[stage].items()}

    def predict(self, frames: Any, lengths: Any = None) -> NDArray[Any]:
        """The decisions of the compiled design on whole sequences, one after the other from the initial state on.

        The program stays ready for the next call, which begins in the initial state too.

        Args:
            frames: (N, T, *input_shape), or (T, *input_shape) for one sequence; a list of arrays (T_n, *input_shape)
                for N of unequal length. Arrays of NumPy or torch, of any real dtype.
            lengths: (N,) timesteps used of each, a number for one sequence; None for all.
        Returns:
            (N,), or () for one sequence: the class (int64), or the value of a `binary_logit` (float64), at the end of
            each sequence; −1, or NaN, for one without a timestep.
        Raises:
            DataError: the frames do not fit the network, or would be cut off by its window.
            ConfigError: the network has no readout, so that it decides nothing.
            ToolError: the program could not run.
        """
        self._decides("predict")
        played, single = sequences.stimulus(frames, lengths, self._typed.network)
        ingress = self._typed.layers[0]
        assert isinstance(ingress, TypedInput)
        emitted = self._program.run(played.timesteps, sequences.records(ingress, played))
        return self._decided(played, emitted, single)

    def reference(self, frames: Any, lengths: Any = None) -> NDArray[Any]:
        """The same decisions, taken by the reference in exact integers; arguments and results as of `predict`."""
        self._decides("reference")
        played, single = sequences.stimulus(frames, lengths, self._typed.network)
        if not played.lengths.any():
            return self._decided(played, np.empty((0, 1), np.int64), single)
        blocks = Reference(self._typed, self._integers, played).blocks()
        return self._decided(played, np.concatenate([block.emitted for block in blocks]), single)

    def explain(self, frames: Any, lengths: Any = None) -> dict[str, Any] | None:
        """Where the PyTorch module and the design part first on these sequences, and why.

        Runs the module as its source is now, which must still be the one that was built; arguments as of `predict`.

        Returns:
            `layer`, `sequence`, `timestep`, `neuron` and `cause` of the first spike that differs, as in
            report.json; None if every spike is the same.
        Raises:
            DataError: the frames do not fit the network.
            HlspikeError: the module cannot be run, or its parameters are others.
        """
        played, _ = sequences.stimulus(frames, lengths, self._typed.network)
        if not played.lengths.any():
            return None
        found: dict[str, Any] | None = self._module.run(self._typed, self._integers, played)["first_divergence"]
        return found

    def stream(self) -> Stream:
        """The compiled design, to be fed timestep by timestep, with a state of its own."""
        return Stream(self._path, self._typed)

    def _decides(self, what: str) -> None:
        if self._typed.network.readout is None:
            raise ConfigError(f"{what}: the network has no readout and decides nothing; configure one, or use trace")

    def _decided(self, played: Stimulus, emitted: NDArray[np.int64], single: bool) -> NDArray[Any]:
        found = outcomes(self._typed, emitted, played.lengths, played.frames.shape[1])["decision"]
        return found[0] if single else found


def build(overrides: Sequence[str] = ()) -> Build:
    """What `doit build <overrides>` makes in the working directory; it runs what changed, and prints nothing.

    Builds of one process take turns. Builds of several processes are apart if each has its own `name`.

    Args:
        overrides: Hydra's, one variant: no sweeps.
    Raises:
        ConfigError, ToolError: the configuration is at fault, or there is no compiler.
        BuildFailed: a step of the build failed, or reference and csim differ; it is an UnsupportedModel, a DataError
            and so on as well, as the step has raised.
    """
    if isinstance(overrides, str):
        raise ConfigError(f"build: overrides are a list such as ['seed=1'], found {overrides!r}")
    with _building:
        found = variants.load(overrides)
        if len(found) != 1:
            raise ConfigError(f"build: these overrides are a sweep of {len(found)} variants; build them one by one")
        _run_doit(overrides)
        return _read(found[0])


def _run_doit(overrides: Sequence[str]) -> None:
    dodo = str(PACKAGE / "tasks" / "dodo.py")
    # this package has to be found as it was found here, whatever the child's path
    path = os.pathsep.join(filter(None, [str(IMPORTED), os.environ.get("PYTHONPATH")]))
    code, output = processes.output(
        [sys.executable, "-m", "doit", "-f", dodo, "-d", ".", "build", *overrides],
        {**os.environ, "PYTHONPATH": path, console.KINDS: "1"},
    )
    if code != 0:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        told = [_told(line) for line in lines if line.startswith(("error: ", "ERROR: "))]
        raise _failed(told) if told else BuildFailed(lines[-1] if lines else f"doit ended with exit code {code}")


def _told(line: str) -> tuple[str, str]:
    """The class of an error, empty if it has none of ours, and its message."""
    mark, _, message = line.partition(": ")
    kind, _, rest = message.partition(": ")
    return (kind, rest) if mark == "error" else ("", message)


def _failed(told: Sequence[tuple[str, str]]) -> BuildFailed:
    """The failure of a build: also of the class that its first error has."""
    message = "; ".join(text for _, text in told)
    for kind in HlspikeError.__subclasses__():
        if kind.__name__ == told[0][0]:
            failed: BuildFailed = type(BuildFailed.__name__, (BuildFailed, kind), {})(message)
            return failed
    return BuildFailed(message)


def _read(variant: variants.Variant) -> Build:
    layout = variant.layout
    folder = Path(tempfile.mkdtemp(prefix="hlspike-"))
    path, typed = _copied(layout.csim, folder), TypedNetwork.from_json(files.read_json(layout.typed))
    # where every sequence ends, the last has left nothing behind, and no call needs a process of its own
    mode: Literal["calls", "steps"] = "calls" if typed.network.input.reset_policy == "never" else "steps"
    program = Program(path, 1 if typed.network.readout else typed.layers[-1].layer.size, mode)
    made = Build(
        report=files.read_json(layout.report),
        config=variant.config,
        _traces={stage: arrays.read_npz(layout.trace(stage)) for stage in _STAGES},
        _typed=typed,
        _integers=arrays.read_npz(layout.integers),
        _path=path,
        _program=program,
        _module=Module.of(variant, folder),
    )
    weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    weakref.finalize(made, program.close)
    return made


def _copied(program: Path, folder: Path) -> Path:
    # written here, it could not be run while a process started by another thread still has it open
    code, output = processes.output(["cp", str(program), str(folder)])
    if code != 0:
        raise ToolError(f"{program}: cannot be copied, {output.strip()}")
    return folder / program.name
