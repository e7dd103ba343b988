"""Scripts of the Vitis stages: a target becomes words that templates print, each quoted for the language of the script.

Everything is relative to the folder that holds the scripts, so that the project can be moved and run by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.generators.vitis import STAGES, Stage

TOP = "snn_top"
BENCH = ("tb", "harness", "npy", "serve")
BENCH_DATA = ("input", "lengths", "expected")
_CPP = "-std=c++14"
_BENCH_CPP = "-std=c++14 -Wno-unknown-pragmas -DHLSPIKE_NO_PROBES"
_IP = {
    "vendor": "vendor", "library": "library", "name": "ipname", "version": "version", "display_name": "display_name",
    "description": "description", "taxonomy": "taxonomy",
}
"""Key of target.ip → option of export_design."""
_PLAIN = re.compile(r"[A-Za-z0-9_.,/+%-]+")
_OF_STAGE: dict[Stage, tuple[str, ...]] = {
    "csynth": (), "cosim": ("csim.", "cosim.", "tb."), "export": ("package.",), "impl": ("package.", "vivado."),
}
"""Keys of the configuration file that a stage reads beyond those of synthesis."""


@dataclass(frozen=True, slots=True)
class Project:
    """What is synthesised; paths are relative to the folder of the scripts.

    Attributes:
        top: name of the function.
        sources: C++ files of the design.
        bench: C++ files of the test bench; none for a layer by itself.
        data: files that the test bench reads.
    """

    top: str
    sources: tuple[str, ...]
    bench: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def whole(units: Sequence[str], data: str) -> Project:
    """The design whose generated C++ files are `units`, with its test bench and the folder of its data."""
    return Project(
        TOP,
        tuple(f"../firmware/{unit}.cpp" for unit in units),
        tuple(f"../tb/{unit}.cpp" for unit in BENCH),
        tuple(f"{data}/{name}.npy" for name in BENCH_DATA),
    )


def layer(unit: str) -> Project:
    """One layer, out of context, below a top of its own in `layers/<unit>/`."""
    return Project(layer_top(unit), (f"{layer_top(unit)}.cpp", f"../../../firmware/{unit}.cpp"))


def layer_top(unit: str) -> str:
    """No identifier of a layer begins with snn_, so this is none."""
    return f"snn_{unit}"


def tcl_values(project: Project, target: Mapping[str, Any]) -> dict[str, Any]:
    """What the Tcl templates print; every word is quoted already."""
    return {
        "top": tcl_word(project.top),
        "sources": [tcl_word(path) for path in project.sources],
        "bench": [tcl_word(path) for path in project.bench],
        "data": [tcl_word(path) for path in project.data],
        "cflags": tcl_word(_CPP),
        "bench_cflags": tcl_word(_BENCH_CPP),
        "part": tcl_word(target["part"]),
        "period": f"{target['clock_period']:g}",
        "uncertainty": _uncertainty(target),
        "flow_target": target["flow_target"],
        "rtl": target["rtl"],
        "reset": " ".join(_reset_options(target)),
        "fifo_depth": target["fifo_depth"],
        "fifo_sizing": target["fifo_sizing"],
        "export": " ".join(_export_options(target)),
    }


def config_values(project: Project, target: Mapping[str, Any]) -> dict[str, Any]:
    """What hls_config.cfg prints: keys and values, a value being the rest of its line.

    Raises:
        ConfigError: a value cannot stand in such a file.
    """
    ip = {f"package.ip.{key}": value for key, value in target["ip"].items() if value is not None}
    uncertainty = _uncertainty(target)
    hls = [
        ("clock", f"{target['clock_period']:g}ns"),
        ("clock_uncertainty", uncertainty if not uncertainty or uncertainty.endswith("%") else f"{uncertainty}ns"),
        ("flow_target", target["flow_target"]),
        *(("syn.file", path) for path in project.sources),
        ("syn.cflags", _CPP),
        ("syn.top", project.top),
        ("syn.rtl.reset", target["reset"]),
        ("syn.rtl.reset_async", "1" if target["reset_async"] else ""),
        ("syn.rtl.reset_level", target["reset_level"] or ""),
        ("syn.dataflow.override_user_fifo_depth", str(target["fifo_depth"] or "")),
        *(("tb.file", path) for path in (*project.bench, *project.data)),
        ("tb.cflags", _BENCH_CPP if project.bench else ""),
        ("csim.O", "true" if project.bench else ""),
        ("cosim.O", "true" if project.bench else ""),
        ("cosim.rtl", target["rtl"] if project.bench else ""),
        ("cosim.enable_fifo_sizing", "true" if project.bench and target["fifo_sizing"] else ""),
        ("package.output.format", target["export"]),
        ("package.output.syn", "false"),
        *ip.items(),
        ("vivado.flow", "impl"),
        ("vivado.rtl", target["rtl"]),
    ]
    lines = [(key, value) for key, value in hls if value]
    for key, value in [("part", target["part"]), *lines]:
        if re.search(r"[\r\n#]", value):
            raise ConfigError(f"target: {key} must be one line without '#', found {value!r}; rename it")
    return {"part": target["part"], "lines": lines}


def relevant(stage: Stage, text: str) -> str:
    """A script without comments, and of hls_config.cfg only the keys that `stage` reads."""
    lines = [line.strip() for line in text.splitlines()]
    later = tuple(key for stage_ in STAGES for key in _OF_STAGE[stage_] if key not in _OF_STAGE[stage])
    return "\n".join(line for line in lines if line and not line.startswith(("#", *later)))


def tcl_word(text: str) -> str:
    """`text` as one word of Tcl, whatever it holds."""
    if _PLAIN.fullmatch(text):
        return text
    if "\\" not in text and _balanced(text):
        return "{" + text + "}"
    return "".join(_escaped(text))


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _escaped(text: str) -> Iterator[str]:
    for character in text:
        if character == "\n":
            yield "\\n"
        elif character.isalnum() or character in "_./-":
            yield character
        else:
            yield "\\" + character


def _uncertainty(target: Mapping[str, Any]) -> str:
    """In percent or ns; empty for the tool's own."""
    value = target["clock_uncertainty"]
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, int | float) else str(value).replace(" ", "").removesuffix("ns")


def _reset_options(target: Mapping[str, Any]) -> Iterator[str]:
    yield f"-reset {target['reset']}"
    if target["reset_async"]:
        yield "-reset_async"
    if target["reset_level"] is not None:
        yield f"-reset_level {target['reset_level']}"


def _export_options(target: Mapping[str, Any]) -> Iterator[str]:
    yield f"-format {target['export']}"
    yield f"-rtl {target['rtl']}"
    for key, option in _IP.items():
        if target["ip"].get(key) is not None:
            yield f"-{option} {tcl_word(target['ip'][key])}"
