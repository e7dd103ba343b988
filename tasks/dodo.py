"""The tasks of a build, in the order of the road. Arguments with `=` on the command line are Hydra overrides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doit import create_after

from hlspike.generators.vitis import STAGES
from hlspike.tasks import floating
from hlspike.tasks.engine import graph, incremental, whole
from hlspike.tasks.layout import PICTURES
from hlspike.tasks.terminal import command
from hlspike.tasks.vitis import stages

EVERY = command.variants()
VARIANTS = whole.pending(EVERY) if command.builds() and not any(map(stages.has_figures, EVERY)) else EVERY
"""Of those that stand as a whole, a build needs no task."""
DOIT_CONFIG = incremental.options(EVERY)
Tasks = Iterator[dict[str, Any]]


def task_resolve() -> Tasks:
    """the resolved configuration"""
    for variant in VARIANTS:
        yield graph.step(
            variant, "resolve", config=variant.config,
            arguments={"config": variant.config}, outputs=[variant.layout.config], share=False,
        )


def task_stimulus() -> Tasks:
    """the sequences every executor runs"""
    for variant in VARIANTS:
        given = {
            "data": {key: variant.config["data"][key] for key in ("source", "kwargs")},
            "input_shape": variant.config["model"]["input_shape"],
            "seed": variant.config["seed"],
        }
        yield graph.step(
            variant, "stimulus", config=given, arguments=given, outputs=[variant.layout.stimulus],
            packages=("python", "numpy"), user="data",
        )


def task_train() -> Tasks:
    """the trained parameters"""
    for variant in VARIANTS:
        if variant.config["model"]["train"] is None:
            continue
        given = {"model": variant.config["model"], "seed": variant.config["seed"]}
        yield graph.step(
            variant, "train", config=given, arguments=given,
            inputs=graph.existing(variant.config["model"]["checkpoint"]),
            outputs=[variant.layout.state_dict, variant.layout.untrained],
            packages=graph.PACKAGES, user="model",
        )


def task_extract() -> Tasks:
    """the layers and their parameters"""
    for variant in VARIANTS:
        layout, given = variant.layout, graph.extraction(variant)
        start = graph.beginning(variant)
        yield graph.step(
            variant, "extract", config=given,
            arguments={**given, "state": graph.state_file(variant), "start": start},
            inputs=[*graph.state_files(variant), *([start] if start else [])],
            outputs=[layout.reading, layout.weights, layout.parameters],
            packages=graph.PACKAGES, user="model",
        )


def task_network() -> Tasks:
    """the network: the layers, and the readout as it is asked for"""
    for variant in VARIANTS:
        layout, readout = variant.layout, variant.config["readout"]
        yield graph.step(
            variant, "network", function="settle", config={**graph.extraction(variant), "readout": readout},
            arguments={"readout": readout, "key": graph.network_key(variant)},
            inputs=[layout.reading], outputs=[layout.network, layout.network_key], share=False,
        )


def task_extent() -> Tasks:
    """how far the float run goes"""
    yield from floating.extents(VARIANTS)


def task_float() -> Tasks:
    """the PyTorch module, run in float64"""
    yield from floating.runs(VARIANTS)


def task_decide() -> Tasks:
    """the decisions of the float run"""
    yield from floating.decisions(VARIANTS)


def task_kernels() -> Tasks:
    """the hand-written C++, copied into the project"""
    for variant in VARIANTS:
        copies = variant.layout.copies()
        yield graph.step(
            variant, "kernels", inputs=copies, outputs=copies.values(), share=False,
        )


def task_headers() -> Tasks:
    """AMD's headers, precompiled; and what no design changes, compiled"""
    yield from graph.headers(VARIANTS)


def task_design() -> Tasks:
    """types, rounded parameters, reuse factors"""
    for variant in VARIANTS:
        layout, units = variant.layout, graph.units(variant)
        hls, io, control = variant.config["hls"], *(variant.config["target"][key] for key in ("io", "control"))
        calibration = variant.config["data"]["calibration"]
        described = [path for unit in units for path in (layout.unit(unit), layout.unit_arrays(unit))]
        yield graph.step(
            variant, "design",
            config={
                "hls": hls, "target": {"io": io, "control": control}, "data": {"calibration": calibration},
                "units": units,
            },
            arguments={"hls": hls, "io": io, "control": control, "calibration": calibration, "units": units},
            inputs=[layout.network, layout.weights, layout.stimulus],
            outputs=[layout.typed, layout.integers, layout.design, layout.estimate, *described],
            packages=("numpy", "da4ml"),
        )


def task_generate() -> Tasks:
    """the C++ of each layer, the top and the test bench"""
    for variant in VARIANTS:
        layout = variant.layout
        for unit in graph.units(variant):
            yield graph.step(
                variant, "generate", unit, arguments={"unit": unit},
                inputs=[layout.unit(unit), layout.unit_arrays(unit)], outputs=layout.sources(unit),
                code=["generators/templates/"], packages=("jinja2",),
            )


def task_compile() -> Tasks:
    """the object of each unit"""
    for variant in VARIANTS:
        layout, header = variant.layout, graph.header(variant)
        for unit in graph.units(variant):
            yield graph.step(
                variant, "compile", unit, function="compile_unit",
                arguments={"compiler": variant.tool.compiler, "unit": unit, "header": header},
                inputs=graph.included(variant, unit), outputs=[layout.compiled(unit)],
                tool=variant.tool,
                # what the headers' bytes follow from counts, not the bytes: they differ from run to run
                after=[graph.name(variant, "kernels"), f"headers:{variant.tool.identity}"],
            )


def task_link() -> Tasks:
    """the csim program"""
    for variant in VARIANTS:
        layout = variant.layout
        objects = [*map(layout.compiled, graph.units(variant)), *graph.bench_objects(variant)]
        yield graph.step(
            variant, "link", arguments={"compiler": variant.tool.compiler, "objects": objects},
            inputs=objects, outputs=[layout.csim], tool=variant.tool,
        )


def task_reference() -> Tasks:
    """the network in exact integers"""
    for variant in VARIANTS:
        layout, sim = variant.layout, variant.config["sim"]
        bench = graph.bench_data(variant)
        yield graph.step(
            variant, "reference", config={"sim": sim}, arguments=sim,
            inputs=[layout.typed, layout.integers, layout.stimulus],
            outputs=[layout.trace("reference"), layout.overflows, layout.spikes, *bench],
            packages=("numpy",),
        )


def task_csim() -> Tasks:
    """the generated C++, run"""
    for variant in VARIANTS:
        layout, sim = variant.layout, variant.config["sim"]
        bench = graph.bench_data(variant)
        yield graph.step(
            variant, "csim", config={"sim": sim}, arguments=sim,
            inputs=[layout.csim, *bench, layout.typed, layout.stimulus], outputs=[layout.trace("csim")],
            packages=("numpy",),
        )


def task_scripts() -> Tasks:
    """what runs under Vitis HLS, here or by hand"""
    yield from stages.scripts(VARIANTS)


def task_request() -> Tasks:
    """what each result of Vitis follows from"""
    yield from stages.requests(VARIANTS)


def task_vitis() -> Tasks:
    """the runs of Vitis HLS"""
    yield from stages.runs(VARIANTS)


def task_figures() -> Tasks:
    """what Vitis HLS has found"""
    yield from stages.figures(VARIANTS)


def task_stage() -> Tasks:
    """csynth, cosim, export, impl"""
    for stage in STAGES:
        yield stages.group(VARIANTS, stage)


def task_report() -> Tasks:
    """comparison and report"""
    for variant in VARIANTS:
        layout, executors = variant.layout, ("float", "reference", "csim")
        sim, pictures = variant.config["sim"], variant.config["report"]["pictures"]
        clock, part = (variant.config["target"][key] for key in ("clock_period", "part"))
        figures = layout.figures if stages.has_figures(variant) else None
        named = {"name": str(variant), "swept": variant.swept}
        given = {
            **named, "sim": {"sequences": sim["sequences"]}, "target": {"clock_period": clock, "part": part},
            "report": {"pictures": pictures}, "notes": list(variant.notes),
        }
        yield graph.step(
            variant, "report", config=given, packages=variant.versions,
            arguments={**named, "sequences": sim["sequences"], "clock": clock, "part": part, "pictures": pictures,
                       "versions": variant.versions, "figures": figures, "remarks": list(variant.notes),
                       "steps": incremental.labels(layout.root)},
            inputs=[*map(layout.trace, executors), layout.overflows, layout.design, layout.typed, layout.integers,
                    layout.stimulus, layout.estimate, layout.spikes, *([figures] if figures else [])],
            outputs=[layout.report, layout.report_text],
            share=False,
        )


def task_pictures() -> Tasks:
    """the report's pictures: decisions, spikes, membranes, ranges of values"""
    for variant in VARIANTS:
        layout, config = variant.layout, variant.config
        given = {"sequence": config["report"]["sequence"], "sequences": config["sim"]["sequences"]}
        yield graph.step(
            variant, "pictures", function="hlspike.tasks.results.pictures:draw", config=given, arguments=given,
            inputs=[*map(layout.trace, ("float", "csim")), layout.overflows, layout.typed, layout.integers,
                    layout.weights, layout.stimulus, layout.report],
            outputs=map(layout.picture, PICTURES), share=False,
        )


def task_manifest() -> Tasks:
    """what was built from what, so that it can be built again"""
    for variant in VARIANTS:
        outputs = graph.outputs(variant)
        given = {"config": variant.config, "overrides": variant.overrides}
        yield graph.step(
            variant, "manifest", config=given, packages=variant.versions, inputs=outputs,
            arguments={**given, "versions": variant.versions, "outputs": outputs,
                       "steps": incremental.labels(variant.layout.root)},
            outputs=[variant.layout.manifest], after=[graph.name(variant, "report")], share=False,
        )


def task_build() -> Tasks:
    """everything: from the trained model to a verified HLS project and its report"""
    drawn = [graph.name(variant, "pictures") for variant in VARIANTS if variant.config["report"]["pictures"]]
    # by the name of all of them: those of a sweep may not have been made yet
    played = ["cosim_data"] if any(variant.config["target"]["cosim_sequences"] for variant in VARIANTS) else []
    yield {
        "basename": "build", "actions": None,
        "task_dep": ["resolve", "scripts", *played, "report", "manifest", *drawn],
        "clean": [(incremental.remove_noted, [variant.layout.root, variant.layout.notes]) for variant in VARIANTS],
    }


def task_why() -> Tasks:
    """why a step would run: doit why TASK…"""
    yield incremental.inquiry("why", "hlspike.tasks.engine.why:explain")


def task_cache() -> Tasks:
    """the shared cache: doit cache show | verify | prune"""
    yield incremental.inquiry("cache", "hlspike.tasks.cache.care:manage", VARIANTS[0].config["cache"])


def task_results() -> Tasks:
    """every variant that was built: doit results [CONDITION…] [--sort=COLUMN] [--columns=…] [--pareto=X,Y]"""
    asked = VARIANTS if command.overrides() else None
    options = {
        "sort": "a column, -column for the largest first", "columns": "separated by commas; all if none",
        "pareto": "two columns, separated by a comma: their front is marked and drawn",
        "picture": "a file to draw the front to",
    }
    yield incremental.inquiry("results", "hlspike.tasks.results.tables:shown", asked, options=options)


def task_config() -> Tasks:
    """where every value of the configuration comes from"""
    yield incremental.inquiry("config", "hlspike.tasks.configuration.origins:pages", VARIANTS)


def task_schema() -> Tasks:
    """conf/schema.json: the keys of a configuration, for the completion of an editor"""
    yield incremental.inquiry("schema", "hlspike.tasks.configuration.schema:write")


_LAYERS: dict[Any, list[str]] = {
    task_design: ["design"], task_generate: ["generate"], task_compile: ["compile"], task_link: ["link"],
    task_scripts: ["scripts", "layer", "cosim_data"], task_reference: ["reference"], task_csim: ["csim"],
    task_report: ["report"], task_pictures: ["pictures"], task_manifest: ["manifest"],
}
"""Creators of tasks that depend on which layers there are → what the tasks are called."""
_VITIS: dict[Any, list[str]] = {
    task_request: ["request"], task_vitis: ["vitis"], task_figures: ["figures"], task_stage: [*STAGES]
}
"""Likewise, for Vitis HLS."""
_ANSWERS = (task_why, task_cache, task_results, task_config, task_schema)

if command.words() in ([], ["build"]):
    # Looking at the tasks that only other commands name would take a build with nothing to do a third of its time.
    _unused = [*_ANSWERS, *(_VITIS if not any(map(stages.has_figures, VARIANTS)) else ())]
    for _creator in _unused:
        del globals()[_creator.__name__]
        _VITIS.pop(_creator, None)

if not all(map(graph.known, VARIANTS)):
    # Which layers there are is known only when there is a network. One creator makes all of these tasks,
    # because doit sees that one makes what another reads only among tasks that it is given together.
    _delayed = {**_LAYERS, **_VITIS}
    for _creator in _delayed:
        del globals()[_creator.__name__]

    def _hardware() -> Tasks:
        for creator in _delayed:
            yield from creator()

    task_hardware = create_after(executed="network", creates=[name for names in _delayed.values() for name in names])(
        _hardware
    )
