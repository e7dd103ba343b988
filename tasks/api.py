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
from hlspike.generators.exact.given import array_of
from hlspike.generators.reference import outcomes
from hlspike.generators.stimulus import Stimulus, channels_last
from hlspike.generators.typed import TypedInput, TypedNetwork
from hlspike.tasks.archives import arrays
from hlspike.tasks.compilation import toolchain
from hlspike.tasks.configuration import variants
from hlspike.tasks.layout import IMPORTED, PACKAGE
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
    _program: Path
    _log: Path

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

    def predict(self, frames: NDArray[Any]) -> NDArray[Any]:
        """The decisions of the compiled design on whole sequences, all in one run that begins in the initial state.

        Args:
            frames: (N, T, *input_shape), or (T, *input_shape) for one sequence.
        Returns:
            (N,), or () for one sequence: the class (int64), or the value of a `binary_logit` (float64), at the end of
            each sequence.
        Raises:
            DataError: the frames do not fit the network, or would be cut off by its window.
            ConfigError: the network has no readout, so that it decides nothing.
            ToolError: the program could not run.
        """
        network = self._typed.network
        if network.readout is None:
            raise ConfigError("predict: the network has no readout and decides nothing; configure one, or use trace")
        frames, shape = array_of("data: frames", frames), network.input.shape
        single = frames.shape[1:] == shape
        stimulus = Stimulus.validated({"frames": frames[None] if single else frames}, shape)
        network.check_lengths(stimulus.lengths)
        with tempfile.TemporaryDirectory(prefix="hlspike-") as folder:
            emitted = self._run(stimulus, Path(folder))
        decided = outcomes(self._typed, emitted, stimulus.lengths, stimulus.frames.shape[1])["decision"]
        return decided[0] if single else decided

    def _run(self, stimulus: Stimulus, folder: Path) -> NDArray[np.int64]:
        ingress = self._typed.layers[0]
        assert isinstance(ingress, TypedInput)
        out = folder / "out"
        out.mkdir()
        data: dict[str, Any] = {
            "input": arrays.packed(
                ingress.result.from_float(channels_last(stimulus.frames[:], ingress.layer.shape)), ingress.result.width
            ),
            "lengths": stimulus.lengths,
            # nothing is expected of new frames
            "expected": np.empty((0, 1), np.int64),
        }
        for name, array in data.items():
            (folder / f"{name}.npy").write_bytes(arrays.npy_bytes(array))
        toolchain.simulate(self._program, folder, out, "decisions", self._log)
        emitted: NDArray[np.int64] = np.load(out / "emitted.npy")
        return emitted


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
    folder = tempfile.mkdtemp(prefix="hlspike-")
    made = Build(
        report=files.read_json(layout.report),
        config=variant.config,
        _traces={stage: arrays.read_npz(layout.trace(stage)) for stage in _STAGES},
        _typed=TypedNetwork.from_json(files.read_json(layout.typed)),
        _program=_copied(layout.csim, Path(folder)),
        _log=layout.log.resolve() / "predict.log",
    )
    weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    return made


def _copied(program: Path, folder: Path) -> Path:
    # written here, it could not be run while a process started by another thread still has it open
    code, output = processes.output(["cp", str(program), str(folder)])
    if code != 0:
        raise ToolError(f"{program}: cannot be copied, {output.strip()}")
    return folder / program.name
