"""What the hardware takes, in the report: the estimate, and beside it what Vitis found once it has run.

The figures of Vitis are those of its latest runs on the present design; of an earlier one there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from hlspike.generators.estimate.parts import fitting, verdict

Report = Mapping[str, Any]
_RESOURCES = ("BRAM_18K", "DSP", "FF", "LUT", "URAM")


def assemble(
    estimate: Mapping[str, Any], found: Mapping[str, Any], clock: float, part: str, timesteps: int
) -> dict[str, Any]:
    """The keys `estimate` and, once a stage of Vitis has run on this design, `vitis` of report.json.

    Args:
        found: content of figures.json.
        clock: ns.
        part: `estimate` says whether the design fits into it, see `parts.fitting`.
        timesteps: of the longest sequence.
    """
    sequence = estimate["latency"] + (timesteps - 1) * estimate["interval"]
    times = {
        "latency_us": round(estimate["latency"] * clock / 1000, 6),
        "sequence_timesteps": timesteps,
        "sequence_cycles": sequence,
        "sequence_us": round(sequence * clock / 1000, 6),
    }
    made: dict[str, Any] = {"estimate": {**times, **fitting(estimate, part), **estimate}}
    if found["figures"]:
        made["vitis"] = found["figures"]
    if found["outdated"]:
        made["vitis_outdated"] = found["outdated"]
    return made


def counted(estimate: Mapping[str, Any], spikes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """`estimate` with the cycles that a stimulus takes: of each layer of strategy event, whose `cycles` are the most
    there can be, `cycles_mean` of its timesteps and `cycles_99`, which 99 % of them keep to.

    Args:
        spikes: name of a layer → in how many timesteps it was given 0, 1, 2, … spikes.
    """
    return {**estimate, "layers": [_counted(layer, spikes.get(layer["name"], ())) for layer in estimate["layers"]]}


def _counted(layer: Mapping[str, Any], timesteps: Sequence[int]) -> dict[str, Any]:
    event = layer.get("event")
    if event is None:
        return dict(layer)
    cycles = [event["words"] + max(1, ones) * event["each"] for ones in range(len(timesteps))]
    total = sum(timesteps)
    mean = sum(count * taken for count, taken in zip(timesteps, cycles, strict=True)) / total
    within = (taken for taken, count in zip(cycles, accumulate(timesteps), strict=True) if 100 * count >= 99 * total)
    return {**layer, "cycles_mean": round(mean, 3), "cycles_99": next(within)}


def markdown(report: Report) -> str:
    """A section of the document."""
    header, *rows = _rows(report)
    lines = ["", "## Hardware", "", *(f"- {line}" for line in _summary(report)), ""]
    lines += [_row(header), "|" + "---|" * len(header), *map(_row, rows)]
    loops = [*_loops(report)]
    if loops:
        lines += ["", "| layer | loop | trip count | II | depth |", "|---|---|---|---|---|", *map(_row, loops)]
    resources = report.get("vitis", {}).get("resources", {})
    if resources:
        lines += ["", "| resource | used | available | % |", "|---|---|---|---|"]
        lines += [_row([name, *map(_told, (one["used"], one["available"])), _percent(one["utilisation"])])
                  for name, one in resources.items()]
    warnings = [*_warnings(report)]
    if warnings:
        lines += ["", *(f"- warning: {text}" for text in warnings)]
    return "\n".join(lines) + "\n"


def terminal(report: Report) -> str:
    """A few lines for the terminal."""
    lines = [f"  {line}" for line in _summary(report)]
    lines += [f"  warning: {text}" for text in _warnings(report)]
    return "\n".join(lines)


def _warnings(report: Report) -> Iterator[str]:
    """What Vitis found, and until it has run what the estimate leads to expect."""
    if report["estimate"]["fits"] is False and "fits" not in report.get("vitis", {}):
        yield (
            f"the design {verdict(report['estimate']).replace('fits: no, ', 'does not fit by the estimate: ', 1)}; "
            f"raise hls.types.Linear.reuse_factor or that of the largest layers, narrow precision, or set target.part"
        )
    yield from report.get("vitis", {}).get("warnings", ())


def _summary(report: Report) -> Iterator[str]:
    estimate, vitis = report["estimate"], report.get("vitis")
    yield (
        f"estimate: {estimate['latency']} cycles and {estimate['latency_us']:g} µs per timestep, "
        f"{estimate['sequence_us']:g} µs per sequence of {estimate['sequence_timesteps']}; interval "
        f"{estimate['interval']}, {estimate['multipliers']} multipliers, {estimate['adders']} adders; "
        + ", ".join(f"{estimate[name.lower()]} {name}" for name in _RESOURCES)
    )
    yield verdict(estimate)
    for layer in estimate["layers"]:
        if "cycles_mean" in layer:
            yield (
                f"{layer['name']}, by events: {layer['cycles_mean']:g} cycles per timestep on this stimulus, 99 % of "
                f"them within {layer['cycles_99']}, at most {layer['cycles']}"
            )
    if report.get("vitis_outdated"):
        yield f"Vitis: {', '.join(report['vitis_outdated'])} of an earlier design, not shown; run it again"
    if vitis is None:
        return
    if "latency_cycles" in vitis:
        label = "csynth, composed of its layers" if vitis["composed"] else "csynth"
        yield (
            f"Vitis {vitis['version']}, {label}: {_told(vitis['latency_cycles'])} cycles and "
            f"{_told(vitis['latency_us'])} µs per timestep, {_told(vitis['sequence_us'])} µs per sequence of "
            f"{vitis['sequence_timesteps']}; interval {_told(vitis['interval'])}"
        )
        yield (
            f"clock: target {_told(vitis['clock_ns'])} ns, estimate {_told(vitis['clock_estimate_ns'])} ns, slack "
            f"{_told(vitis['slack_ns'])} ns"
        )
        fits = {True: "fits", False: "does not fit", None: "fit unknown"}[vitis["fits"]]
        yield f"{_told(vitis['part'])}: {fits}; " + ", ".join(
            f"{name} {_told(one['used'])} ({_percent(one['utilisation'])})" for name, one in vitis["resources"].items()
        )
    if "cosim" in vitis:
        cosim = vitis["cosim"]
        yield (
            f"co-simulation passed: {_told(cosim['transactions'])} transactions, latency "
            f"{_told(cosim['latency_cycles']['max'])} cycles at most"
        )
    if "export" in vitis:
        yield f"package: {vitis['export']}"
    if "impl" in vitis:
        impl = vitis["impl"]
        yield (
            f"after routing: clock {_told(impl['clock_achieved_ns'])} ns, slack {_told(impl['slack_ns'])} ns; "
            + ", ".join(f"{name} {_told(one['used'])}" for name, one in impl["resources"].items())
        )


def _rows(report: Report) -> list[list[str]]:
    """A layer per row: each estimate, and the figure of Vitis where there is one."""
    vitis = report.get("vitis", {})
    found = {layer["name"]: layer for layer in vitis.get("layers", ())}
    rows = [["layer", "cycles (estimate)", "multipliers", "adders", "weight bits", "state bits"]]
    rows[0] += [f"{name} (estimate)" for name in _RESOURCES]
    if found:
        rows[0] += ["cycles", "interval", *_RESOURCES]
    total = {**report["estimate"], "name": "total", "cycles": report["estimate"]["latency"]}
    keys = ("cycles", "multipliers", "adders", "weight_bits", "state_bits", *(name.lower() for name in _RESOURCES))
    for layer in (*report["estimate"]["layers"], total):
        cells = {**layer, "cycles": layer["cycles"] + layer.get("fill", 0)}
        row = [layer["name"], *(str(cells[key]) for key in keys)]
        if found:
            one = found.get(layer["name"])
            if layer is total:
                one = {**vitis, "resources": {name: value["used"] for name, value in vitis["resources"].items()}}
            row += [*_figures(one)] if one else ["-"] * (2 + len(_RESOURCES))
        rows.append(row)
    return rows


def _figures(found: Mapping[str, Any]) -> Iterator[str]:
    yield _told(found["latency_cycles"])
    yield _told(found["interval"])
    for name in _RESOURCES:
        yield _told(found["resources"].get(name))


def _loops(report: Report) -> Iterator[list[str]]:
    for layer in report.get("vitis", {}).get("layers", ()):
        for loop in layer["loops"]:
            target = "" if loop["target_ii"] is None else f" (target {loop['target_ii']})"
            yield [layer["name"], loop["name"], _told(loop["trip_count"]), _told(loop["ii"]) + target,
                   _told(loop["depth"])]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _told(value: Any) -> str:
    """Unknown is -, never 0."""
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{100 * fraction:.1f} %"
