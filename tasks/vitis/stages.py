"""The tasks of the Vitis stages: which of them a command line asks for, and what each rests on.

A stage runs only if it is asked for by name. Once it has, its figures are part of every build's report as long as they
are of the present design.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from doit.exceptions import InvalidDodoFile

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis import STAGES, Stage
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import graph, incremental, sources
from hlspike.tasks.engine.step import Rests
from hlspike.tasks.terminal import command

_TEMPLATES = ("generators/templates/vitis/",)
_DOCS: dict[Stage, str] = {
    "csynth": "Vitis HLS: synthesis of the C++, and the report",
    "cosim": "Vitis HLS: C simulation and co-simulation of the RTL with the recorded decisions, and the report",
    "export": "Vitis HLS: packaging, and the report",
    "impl": "Vitis HLS: placement and routing by Vivado, and the report",
}
_RUNNING = ("flow", "vitis", "timeout", "licences", "granularity")
"""Keys of target that no script prints."""


def asked() -> tuple[Stage, ...]:
    """The stages that the command line names, in order."""
    if not command.runs_steps():
        return ()
    parts = {part for word in command.words() for part in (word.split(":") if word.startswith("vitis:") else [word])}
    return tuple(stage for stage in STAGES if stage in parts)


def _wanted(variant: Variant) -> tuple[Stage, ...]:
    """The stages that will run: later ones build upon the synthesis of the whole design."""
    named = asked()
    whole = _parts(variant, "csynth") == [None]
    return tuple(stage for stage in STAGES if stage in named or (stage == "csynth" and named and whole))


def has_figures(variant: Variant) -> bool:
    return bool(asked()) or bool(_done(variant))


def scripts(variants: Iterable[Variant]) -> Iterator[dict[str, Any]]:
    """For the whole design always, and for each layer where it is synthesised by itself."""
    for variant in variants:
        layout, target, units = variant.layout, variant.config["target"], _design(variant)
        printed = {key: value for key, value in target.items() if key not in _RUNNING}
        names = [f"{stage}.tcl" for stage in STAGES]
        yield _step(
            variant, "scripts", "hlspike.tasks.vitis.scripts:scripts", config={"target": printed, "units": units},
            arguments={"target": target, "units": units}, code=_TEMPLATES, packages=("jinja2",),
            outputs=[*(layout.vitis / name for name in (*names, "hls_config.cfg")), layout.readme],
        )
        if target["cosim_sequences"]:
            sequences = target["cosim_sequences"]
            yield _step(
                variant, "cosim_data", "hlspike.tasks.vitis.scripts:cosim_data",
                config={"target": {"cosim_sequences": sequences}},
                arguments={"sequences": sequences}, packages=("numpy",),
                inputs=[layout.design, *graph.bench_data(variant)], outputs=_bench_data(variant),
            )
        for unit in units[:-1] if target["granularity"] == "layer" else ():
            folder = layout.scripts(unit)
            names = [f"snn_{unit}.cpp", "csynth.tcl", "hls_config.cfg"]
            yield _step(
                variant, "layer", "hlspike.tasks.vitis.scripts:layer", unit, config={"target": printed, "unit": unit},
                arguments={"target": target, "unit": unit}, code=_TEMPLATES, packages=("jinja2",),
                inputs=[layout.unit(unit)], outputs=[folder / name for name in names],
            )


def requests(variants: Iterable[Variant]) -> Iterator[dict[str, Any]]:
    """What each result follows from."""
    for variant in variants:
        layout, units, target = variant.layout, _design(variant), variant.config["target"]
        for stage in STAGES:
            for unit in _parts(variant, stage):
                given = {"stage": stage, "flow": target["flow"], "unit": unit, "units": units}
                names = ["hls_config.cfg"] if target["flow"] == "config" else [
                    f"{name}.tcl" for name in dict.fromkeys(("csynth", stage))
                ]
                yield _step(
                    variant, "request", "hlspike.tasks.vitis.requests:request", _part(stage, unit), config=given,
                    arguments={**given, "data": _bench_data(variant)[0].parent},
                    inputs=[*(layout.scripts(unit) / name for name in names), *_sources(variant, stage, unit)],
                    outputs=[layout.requested(stage, unit)],
                )


def runs(variants: Sequence[Variant]) -> Iterator[dict[str, Any]]:
    """The runs of Vitis. Those of one design follow each other: they share its project."""
    for variant in variants:
        layout, target, units = variant.layout, variant.config["target"], _design(variant)
        before: list[str] = []
        for stage in STAGES:
            tool = _tool(variant)
            for unit in _parts(variant, stage):
                yield incremental.task(
                    "vitis",
                    ":".join(item for item in (variant.label, _part(stage, unit)) if item),
                    "hlspike.tasks.vitis.synthesis:run",
                    {
                        "layout": layout, "stage": stage, "unit": unit, "target": target, "tool": tool, "units": units,
                        "shared": variant.config["cache"]["dir"],
                    },
                    inputs=[layout.requested(stage, unit)],
                    outputs=layout.results(stage, unit, target["export"]),
                    rests=Rests(versions={"Vitis HLS": tool["version"] if tool else "unknown"}),
                    root=layout.root,
                    notes=layout.notes,
                    after=before if unit is None else (),
                    cache=variant.config["cache"],
                )
            if stage in _wanted(variant) or (stage == "csynth" and _parts(variant, stage) == [None]):
                before = _runs(variant, stage)


def figures(variants: Iterable[Variant]) -> Iterator[dict[str, Any]]:
    """What the stages have found, where any has run."""
    for variant in variants:
        if not has_figures(variant):
            continue
        layout, target = variant.layout, variant.config["target"]
        shown = [stage for stage in STAGES if stage in (*_wanted(variant), *_done(variant))]
        stages = [(stage, unit) for stage in shown for unit in _parts(variant, stage)]
        lengths = layout.bench_data / "lengths.npy"
        yield _step(
            # results are discovered, not declared: doit would run a stage that makes what is declared
            variant, "figures", "hlspike.tasks.vitis.figures:figures",
            config={"stages": [list(one) for one in stages], "export": target["export"]},
            arguments={"export": target["export"], "stages": stages, "lengths": lengths},
            packages=("numpy",), outputs=[layout.figures],
            inputs=[layout.design, layout.estimate, lengths, *(layout.requested(*one) for one in stages)],
            after=[name for stage in _wanted(variant) for name in _runs(variant, stage)],
        )


def group(variants: Iterable[Variant], stage: Stage) -> dict[str, Any]:
    """The task by which a stage is asked for: its runs, and the report that shows what they found."""
    wanted = [
        name for variant in variants for name in (*_runs(variant, stage), graph.name(variant, "report"))
    ]
    return {"basename": stage, "actions": None, "task_dep": ["resolve", *wanted], "doc": _DOCS[stage]}


def _step(
    variant: Variant, basename: str, function: str, part: str | None = None, *, arguments: Mapping[str, Any],
    outputs: Iterable[Path], inputs: Iterable[Path] = (), config: Any, code: Iterable[str] = (),
    packages: Iterable[str] = (), after: Iterable[str] = (),
) -> dict[str, Any]:
    """A step that costs no more than a copy from the cache."""
    return incremental.task(
        basename,
        ":".join(item for item in (variant.label, part) if item) or None,
        function,
        {"layout": variant.layout, **arguments},
        inputs=inputs,
        outputs=outputs,
        rests=Rests(
            config,
            sources.digests((*sources.of_function(function), *code)),
            {package: variant.versions[package] for package in packages},
        ),
        root=variant.layout.root,
        notes=variant.layout.notes,
        after=after,
    )


def _design(variant: Variant) -> list[str]:
    """Units of the design, the top last: all but the test bench."""
    return [unit for unit in graph.units(variant) if unit != "tb"]


def _parts(variant: Variant, stage: Stage) -> list[str | None]:
    """What a stage is run on: the whole design, or each layer."""
    if stage == "csynth" and variant.config["target"]["granularity"] == "layer":
        return list(_design(variant)[:-1])
    return [None]


def _runs(variant: Variant, stage: Stage) -> list[str]:
    return [graph.name(variant, "vitis", _part(stage, unit)) for unit in _parts(variant, stage)]


def _part(stage: Stage, unit: str | None) -> str:
    return f"{stage}:{unit}" if unit else stage


def _sources(variant: Variant, stage: Stage, unit: str | None) -> list[Path]:
    """Files in which the text of a request may be found."""
    layout = variant.layout
    # the FIFOs of tb/bounded are for g++ alone
    copies = [path for path in layout.copies().values() if path.parent in (layout.bench, layout.firmware / "kernels")]
    kernels = [path for path in copies if path.parent != layout.bench]
    if unit is not None:
        return [*kernels, *layout.sources(unit), layout.scripts(unit) / f"snn_{unit}.cpp"]
    own = [path for name in _design(variant) for path in layout.sources(name)]
    if stage != "cosim":
        return [*kernels, *own]
    return [*copies, *own, *layout.sources("tb"), *_bench_data(variant)]


def _bench_data(variant: Variant) -> list[Path]:
    """The stimulus of co-simulation."""
    every = graph.bench_data(variant)
    if not variant.config["target"]["cosim_sequences"]:
        return every
    return [variant.layout.cosim_data / path.name for path in every]


def _done(variant: Variant) -> list[Stage]:
    """Stages that have left results, of whichever design."""
    layout, target = variant.layout, variant.config["target"]
    if not layout.vitis.is_dir():
        return []
    results = {
        stage: [path for unit in _parts(variant, stage) for path in layout.results(stage, unit, target["export"])]
        for stage in STAGES
    }
    return [stage for stage, paths in results.items() if all(path.is_file() for path in paths)]


def _tool(variant: Variant) -> dict[str, Any] | None:
    """The installation, looked for only where a stage is asked for: nothing else needs one."""
    target = variant.config["target"]
    if asked():
        return _found(target["vitis"], target["flow"])
    if command.words()[:1] == ["why"]:
        with contextlib.suppress(InvalidDodoFile):
            return _found(target["vitis"], target["flow"])
    return None


@cache
def _found(given: str | None, flow: str) -> dict[str, Any]:
    from hlspike.tasks.vitis.program import Tool

    try:
        return Tool.found(given, flow).to_json()
    except ToolError as error:
        raise InvalidDodoFile(" ".join(str(error).split())) from None
