"""The steps of a build: read files, call generators, write the files that changed.

Each returns the inputs it discovered on the way. Imports stand inside the steps: a build with nothing to do must not
pay for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hlspike.generators.errors import ConfigError, DataError, Mismatch, ToolError
from hlspike.tasks.engine import marks, notes, states
from hlspike.tasks.layout import PICTURES, Layout
from hlspike.tasks.system import files
from hlspike.tasks.terminal import console

if TYPE_CHECKING:
    from hlspike.generators.ir import Network
    from hlspike.generators.stimulus import Stimulus

Config = Mapping[str, Any]
Found = Mapping[str, states.State]
"""Inputs that nobody declared, name → state."""


def resolve(layout: Layout, config: Config) -> None:
    """Write the resolved configuration."""
    import yaml

    files.write(layout.config, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))


def stimulus(layout: Layout, data: Config, input_shape: list[int], seed: int) -> Found:
    """Make or read the sequences that every executor runs."""
    from hlspike.tasks.sources import archive

    source = data["source"]
    if source.endswith(".npz"):
        return _archived(layout, data, tuple(input_shape))
    if ":" not in source:
        raise DataError(f"data.source: {source} is neither a .npz nor file.py:callable; {archive.REMEDY}")
    return _called("stimulus", data=data, input_shape=input_shape, number=seed, out=layout.stimulus)


def train(layout: Layout, model: Config, seed: int) -> Found:
    """Train the network; the state_dict is a result like any other."""
    return _called("train", model=model, number=seed, out=layout.state_dict, start=layout.untrained)


def extract(layout: Layout, model: Config, seed: int, state: str | None, start: Path | None) -> Found:
    """Read the layers and their parameters out of the PyTorch module."""
    return _called(
        "extract", model=model, number=seed, state=state, start=start, reading=layout.reading, weights=layout.weights,
        parameters=layout.parameters,
    )


def settle(layout: Layout, readout: Config, key: str) -> None:
    """Settle the readout: what was read becomes the network."""
    from hlspike.generators.settle.reading import Reading
    from hlspike.generators.settle.settlement import network

    found = network(Reading.from_json(files.read_json(layout.reading)), readout)
    files.write_json(layout.network, found.to_json())
    files.write_json(layout.network_key, {"key": key, "reading": files.file_digest(layout.reading)})


def extent(layout: Layout, trace: str, sequences: int | None) -> None:
    """Say how far the float run goes."""
    from hlspike.generators.extent import extent as needed

    shape = _stimulus(layout).frames.shape
    found = needed(_network(layout).bounded(shape[1]), (shape[0], shape[1]), trace, sequences)
    files.write_json(layout.extent, found.to_json())


def run_float(layout: Layout, model: Config, seed: int, state: str | None, trace: Any) -> Found:
    """Run the PyTorch module itself, in float64."""
    return _called(
        "run_float", model=model, number=seed, state=state, trace=trace, stimulus=layout.stimulus,
        reading=layout.reading, extent=layout.extent, parameters=layout.parameters, out=layout.float_record,
    )


def decide(layout: Layout, trace: str, sequences: int | None) -> None:
    """Take the decisions of the float run: its record becomes its trace."""
    from hlspike.tasks.archives import columns, traces

    played = _stimulus(layout).head(sequences)
    network = _network(layout).bounded(played.frames.shape[1])
    traces.floating(layout, network, columns.read(layout.float_record), played.lengths, trace == "states")


def design(layout: Layout, hls: Config, io: Any, control: str, calibration: int, units: list[str]) -> None:
    """Type every value, round every parameter, settle every reuse factor; estimate what that takes."""
    from dataclasses import replace

    from hlspike.generators.estimate.whole import estimate
    from hlspike.generators.hardware.units import slices
    from hlspike.generators.quantize import quantize
    from hlspike.generators.schedule import schedule
    from hlspike.tasks.archives import arrays

    played = _stimulus(layout)
    network = _network(layout).bounded(played.frames.shape[1])
    network.check_lengths(played.lengths)
    network.check_labels(played.labels)
    quantized = quantize(network, arrays.read_npz(layout.weights), dict(hls), played.head(calibration))
    scheduled = schedule(quantized.typed, quantized.integers, hls, io, quantized.findings)
    designed = replace(scheduled, control=control)
    made = slices(designed)
    if set(made) != set(units):
        raise ToolError("network: its layers changed while the build ran; run the build again")
    files.write_json(layout.typed, quantized.typed.to_json())
    arrays.write_npz(layout.integers, quantized.integers)
    described = designed.to_json()
    described["reports"] = [layer | quantized.told(layer["name"]) for layer in described["reports"]]
    files.write_json(layout.design, described)
    files.write_json(layout.estimate, estimate(designed).to_json())
    for unit, (slice_, own) in made.items():
        files.write_json(layout.unit(unit), slice_)
        arrays.write_npz(layout.unit_arrays(unit), own)
    _sweep_out(layout, set(units))


def generate(layout: Layout, unit: str) -> None:
    """Write the C++ of a unit."""
    from hlspike.generators.emit import emit
    from hlspike.tasks.archives import arrays

    for path, text in emit(unit, files.read_json(layout.unit(unit)), arrays.read_npz(layout.unit_arrays(unit))).items():
        files.write(layout.root / path, text)


def kernels(layout: Layout) -> None:
    """Copy the hand-written C++ into the project, which has to stand alone."""
    for source, copy in layout.copies().items():
        files.write(copy, source.read_bytes())


def headers(compiler: Mapping[str, str], header: Path, sources: Mapping[str, Path]) -> None:
    """Precompile AMD's headers, and compile what no design changes."""
    from hlspike.tasks.compilation import toolchain as tools

    toolchain = tools.Toolchain(**compiler)
    tools.precompile(toolchain, header)
    for unit, source in sources.items():
        tools.compile_unit(toolchain, source, header.parent / f"{unit}.o", None, header.parent / f"{unit}.log")


def compile_unit(layout: Layout, compiler: Mapping[str, str], unit: str, header: Path) -> list[str]:
    """Compile the C++ of a unit."""
    from hlspike.tasks.compilation import toolchain as tools
    from hlspike.tasks.compilation import units

    return units.compile_unit(layout, tools.Toolchain(**compiler), unit, header)


def link(layout: Layout, compiler: Mapping[str, str], objects: list[Path]) -> None:
    """Link the objects to the csim program."""
    from hlspike.tasks.compilation import toolchain as tools

    tools.link(tools.Toolchain(**compiler), objects, layout.csim, layout.log / "link.log")


def reference(layout: Layout, trace: Any, sequences: int | None) -> None:
    """Run the network in exact integers: the oracle, and what the test bench expects."""
    from hlspike.generators.reference import Reference
    from hlspike.tasks.archives import arrays, traces

    played, typed = _stimulus(layout).head(sequences), _typed(layout)
    traces.reference(layout, typed, Reference(typed, arrays.read_npz(layout.integers), played, trace), played)


def csim(layout: Layout, trace: str, sequences: int | None) -> None:
    """Run the generated C++ over every sequence."""
    from hlspike.tasks.archives import traces
    from hlspike.tasks.compilation import toolchain as tools

    with files.scratch(layout.trace("csim")) as folder:
        # a wrong emission is told with its layer, timestep and neuron once the traces are compared
        tools.simulate(layout.csim, layout.bench_data, folder, trace, layout.log / "csim.log")
        traces.csim(layout, _typed(layout), folder, _stimulus(layout).head(sequences))


def report(
    layout: Layout,
    name: str,
    swept: list[str],
    sequences: int | None,
    clock: float,
    part: str,
    pictures: bool,
    versions: Mapping[str, str],
    figures: Path | None,
    remarks: list[str],
    steps: Sequence[str],
) -> None:
    """Compare the executors, write the report, and fail if reference and csim differ anywhere.

    Args:
        steps: labels of those of this build: the report tells what they have taken.
    """
    from hlspike.generators import compare
    from hlspike.generators.reference import Overflow
    from hlspike.generators.report import hardware
    from hlspike.generators.report import summary as text
    from hlspike.tasks.archives import arrays, columns

    played, typed = _stimulus(layout).head(sequences), _typed(layout)
    noted = notes.read(layout.notes, steps)
    traces = {stage: columns.read(layout.trace(stage)) for stage in text.STAGES}
    overflows = tuple(Overflow.from_json(item) for item in files.read_json(layout.overflows))
    count, difference = compare.mismatches(typed.network, played.lengths, traces["reference"], traces["csim"])
    agreed = compare.agreement(
        typed, arrays.read_npz(layout.integers), played, traces["float"], traces["reference"], overflows
    )
    layers = files.read_json(layout.design)["reports"]
    for layer in layers:
        layer["warnings"] += [item.message for item in overflows if item.layer == layer["name"]]
    made = text.assemble(
        name,
        played.labels,
        played.lengths,
        {stage: columns.held(trace) for stage, trace in traces.items()},
        {**agreed, "mismatches_reference_csim": count},
        layers,
        typed.network.warnings,
        [*remarks, *typed.network.notes],
        versions,
        notes.seconds(noted),
    )
    found = files.read_json(figures) if figures else {"figures": {}, "outdated": []}
    estimated = hardware.counted(files.read_json(layout.estimate), files.read_json(layout.spikes))
    made |= hardware.assemble(estimated, found, clock, part, int(played.lengths.max()))
    # what tells this variant from the others of its sweep, for tables made later
    made["swept"] = swept
    made["reused"] = sum(note.reused for note in noted.values())
    files.write_json(layout.report, made)
    drawn = {title: layout.picture(name).relative_to(layout.root).as_posix() for name, title in PICTURES.items()}
    files.write(layout.report_text, text.markdown(made, drawn if pictures else {}) + hardware.markdown(made))
    console.tell(f"\n{text.terminal_table(made)}\n{hardware.terminal(made)}\n")
    if difference is not None:
        raise Mismatch(f"{difference.message}; {count} values differ in all, see {layout.report_text}")


def manifest(
    layout: Layout, config: Config, overrides: list[str], versions: Mapping[str, str], outputs: list[Path],
    steps: Sequence[str],
) -> Found:
    """Write down what was built from what.

    Args:
        steps: labels of those of this build.
    """
    from hlspike.tasks.engine import manifests

    made = manifests.described(layout, config, overrides, versions, outputs, steps)
    files.write_json(layout.manifest, made)
    # it has to be written again when an input is another, though no output may be
    return {name: states.seen(name, known.partition(" ")[0]) for name, known in made["inputs"].items()}


def _archived(layout: Layout, data: Config, input_shape: tuple[int, ...]) -> Found:
    """The sequences of a file."""
    from hlspike.generators.stimulus import Stimulus
    from hlspike.tasks.archives import columns
    from hlspike.tasks.sources import archive

    source = data["source"]
    if data["kwargs"] and Path(source).exists():
        raise ConfigError(f"data.kwargs: a file takes no arguments, found {data['kwargs']}; remove them")
    before = files.signature(source) if Path(source).is_file() else None
    checked = Stimulus.validated(archive.stimulus(source, input_shape), input_shape)
    read = files.state(source)
    if read[:-1] != before:
        raise ToolError(f"{source}: it changed while stimulus ran; run the build again")
    columns.write(layout.stimulus, checked.to_arrays(), {"frames": checked.dtype})
    return {os.path.normpath(source): read}


def _called(function: str, **arguments: Any) -> Found:
    """What a call of the user's code, in a child of its own, has read; paths among `arguments` are made absolute."""
    from hlspike.tasks.inputs import prepared

    whole = {name: str(Path.cwd() / value) if isinstance(value, Path) else value for name, value in arguments.items()}
    return prepared.call(f"hlspike.tasks.inputs.calls:{function}", whole)


def _network(layout: Layout) -> Network:
    from hlspike.generators.ir import Network

    return Network.from_json(files.read_json(layout.network))


def _typed(layout: Layout) -> Any:
    from hlspike.generators.typed import TypedNetwork

    return TypedNetwork.from_json(files.read_json(layout.typed))


def _stimulus(layout: Layout) -> Stimulus:
    from hlspike.generators.stimulus import Stimulus
    from hlspike.tasks.archives import columns

    return Stimulus.from_arrays(columns.read(layout.stimulus))


def _sweep_out(layout: Layout, units: set[str]) -> None:
    """Remove what earlier designs left of layers that are gone; a file that was not made, or changed since, stays."""
    stages = ("generate:", "compile:")
    gone = notes.forget(layout.notes, lambda label: label.startswith(stages) and label.rpartition(":")[2] not in units)
    kept = {str(path) for unit in units for path in (layout.unit(unit), layout.unit_arrays(unit))}
    for label, note in notes.read(layout.notes).items():
        if label.partition(":")[0] == "design":
            described = (name for name in note.made if Path(name).parent == layout.units)
            gone |= {name: note.made[name] for name in described if name not in kept}
    marks.remove(gone)
