"""How the tasks of a build hang together: names, slices of configuration, and what a step's result rests on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hlspike.generators.settle.identifiers import parts
from hlspike.tasks.configuration import declared
from hlspike.tasks.configuration.variants import Tool, Variant
from hlspike.tasks.engine import incremental, record, sources, states
from hlspike.tasks.engine.step import Rests
from hlspike.tasks.layout import BENCH, BENCH_UNITS, HEADERS
from hlspike.tasks.system import files
from hlspike.tasks.terminal import command

PACKAGES = ("python", "numpy", "torch", "snntorch")
"""Packages that what is read from the PyTorch module rests on."""
_UNITS = ("top", "tb")
_HEADERS = "hlspike.tasks.steps:headers"


def name(variant: Variant, basename: str, part: str | None = None) -> str:
    """The task `basename` of `variant`, and of one part of it."""
    return ":".join(item for item in (basename, variant.label, part) if item)


def step(
    variant: Variant,
    basename: str,
    part: str | None = None,
    *,
    config: Any = None,
    arguments: Mapping[str, Any] | None = None,
    inputs: Iterable[Path] = (),
    outputs: Iterable[Path],
    code: Iterable[str] = (),
    packages: Iterable[str] = (),
    tool: Tool | None = None,
    after: Iterable[str] = (),
    share: bool = True,
    function: str | None = None,
    user: str | None = None,
) -> dict[str, Any]:
    """The task of `variant` that runs `tasks.steps.<basename>(layout, **arguments)`.

    Args:
        part: of the variant, such as one unit of its code.
        config: the slice of the configuration that it depends on.
        code: sources of ours that its result rests on beside what its function imports.
        packages: installed packages likewise.
        tool: compiler likewise.
        function: its name in tasks.steps, where that is not `basename`; or module:function.
        share: whether a result is worth a copy in the shared cache.
        user: `model` or `data`, if the step calls the user's code: what that key declares counts.
    """
    said = variant.config[user] if user else {"inputs": [], "env": []}
    function = function if function and ":" in function else f"hlspike.tasks.steps:{function or basename}"
    versions = {package: variant.versions[package] for package in packages}
    rests = Rests(
        config,
        sources.digests((*sources.of_function(function), *code, *([sources.INPUTS] if user else []))),
        versions | (tool.content if tool else {}),
        tool.local if tool else None,
        {variable: os.environ.get(variable) for variable in said["env"]},
    )
    return incremental.task(
        basename,
        ":".join(item for item in (variant.label, part) if item) or None,
        function,
        {"layout": variant.layout, **(arguments or {})},
        inputs=[*inputs, *(path for pattern in said["inputs"] for path in declared.matching(pattern))],
        outputs=outputs,
        rests=rests,
        root=variant.layout.root,
        notes=variant.layout.notes,
        after=after,
        cache=variant.config["cache"] if share else None,
    )


def extraction(variant: Variant) -> dict[str, Any]:
    """What the layers are read from."""
    model = variant.config["model"]
    return {
        "model": {key: model[key] for key in ("source", "kwargs", "input_shape", "time_axis")} | {
            "checkpoint": model["checkpoint"] if model["train"] is None else "the trained parameters"
        },
        "seed": variant.config["seed"],
    }


def state_file(variant: Variant) -> str | None:
    """Where the parameters are loaded from; None if they stay as the module is built."""
    model = variant.config["model"]
    return str(variant.layout.state_dict) if model["train"] is not None else model["checkpoint"]


def state_files(variant: Variant) -> list[Path]:
    """The file of parameters that the network is loaded from, if there is one."""
    if variant.config["model"]["train"] is not None:
        return [variant.layout.state_dict]
    return existing(variant.config["model"]["checkpoint"])


def beginning(variant: Variant) -> Path | None:
    """What tells of the parameters that training began with, if they are those of a new module."""
    model = variant.config["model"]
    return variant.layout.untrained if model["train"] is not None and model["checkpoint"] is None else None


def existing(path: str | None) -> list[Path]:
    """`path`, unless it is missing: the step that reads it says so better than doit would."""
    return [Path(path)] if path is not None and Path(path).is_file() else []


def network_key(variant: Variant) -> str:
    steps = (sources.of_function(f"hlspike.tasks.steps:{step}") for step in ("extract", "settle"))
    code = sources.digests((*sorted({path for step in steps for path in step}), sources.INPUTS))
    rests = extraction(variant), variant.config["readout"], code
    return files.digest(json.dumps(rests).encode())


def known(variant: Variant) -> bool:
    """Whether network.json is the network of this configuration, so that its layers can be named.

    A command that runs no step makes do with the latest network there was.
    """
    try:
        if not command.runs_steps():
            return bool(units(variant))
        layout, made = variant.layout, files.read_json(variant.layout.network_key)
        if made["key"] != network_key(variant):
            return False
        read, settled = (_files(variant, basename) for basename in ("extract", "network"))
        # a build may have ended between the two
        return bool(made["reading"] == read[str(layout.reading)][-1]) and all(
            states.unchanged(path, known) for path, known in (*read.items(), *settled.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _files(variant: Variant, basename: str) -> Mapping[str, Any]:
    """What a step has made and found, path → state; KeyError if it has not."""
    label = name(variant, basename)
    record.belongs(label, variant.config["name"], variant.layout.root)
    found: Mapping[str, Any] = record.recorded(label)["files"]
    return found


def units(variant: Variant) -> list[str]:
    """The units of generated code: a file pair per layer, the top, the test bench."""
    network = variant.layout.network
    return list(_units(network, tuple(files.signature(network))))


@cache
def _units(network: Path, signature: tuple[int, ...]) -> tuple[str, ...]:
    """`signature` is that of `network`: the file is read once as long as it stands."""
    layers = files.read_json(network)["layers"]
    return *parts((layer["name"], layer.get("inputs", ())) for layer in layers).values(), *_UNITS


def included(variant: Variant, unit: str) -> list[Path]:
    """The generated files that compiling `unit` is certain to read; others are found when it is done."""
    layout = variant.layout
    if unit not in _UNITS:
        return list(layout.sources(unit))
    interfaces = [layout.sources(layer)[0] for layer in units(variant) if layer not in _UNITS]
    return [*layout.sources(unit), layout.sources("top")[0], *interfaces]


def outputs(variant: Variant) -> list[Path]:
    """What a build is for, and what makes it again must equal; reports tell times, objects are the compiler's."""
    layout = variant.layout
    generated = [path for unit in units(variant) for path in layout.sources(unit)]
    trained = [layout.state_dict] if variant.config["model"]["train"] is not None else []
    return [
        layout.stimulus, *trained, layout.network, layout.weights, layout.design, *generated, *layout.copies().values(),
        *bench_data(variant), *map(layout.trace, ("float", "reference", "csim")),
    ]


def bench_data(variant: Variant) -> list[Path]:
    """What the test bench reads."""
    return [variant.layout.bench_data / f"{name}.npy" for name in ("input", "lengths", "expected")]


def header(variant: Variant) -> Path:
    """The precompiled header of the variant's compiler."""
    return HEADERS / variant.tool.identity / "ap.h"


def bench_objects(variant: Variant) -> list[Path]:
    return [header(variant).parent / f"{unit}.o" for unit in BENCH_UNITS]


def headers(every: Iterable[Variant]) -> Iterator[dict[str, Any]]:
    """One task per compiler: all variants share what it makes."""
    done = set()
    units = {unit: BENCH / f"{unit}.cpp" for unit in BENCH_UNITS}
    for variant in every:
        place = header(variant)
        if place in done:
            continue
        done.add(place)
        tool = variant.tool
        notes = place.parent / "steps.json"
        made = incremental.task(
            "headers",
            tool.identity,
            _HEADERS,
            {"compiler": tool.compiler, "header": place, "sources": units},
            inputs=[path for path in sorted(BENCH.iterdir()) if path.suffix in (".h", ".cpp")],
            outputs=[place, place.with_name(place.name + ".gch"), *bench_objects(variant)],
            # a precompiled header holds the paths of what it was made of, so these are content here
            rests=Rests(tool.local, sources.digests(sources.of_function(_HEADERS)), tool.content),
            root=place.parent,
            notes=notes,
            cache=variant.config["cache"],
        )
        yield {**made, "clean": [(incremental.remove_noted, [place.parent, notes])]}
