"""The step that writes a request: all that the result of a Vitis stage follows from, but the release of the tool.

Comments, blank space and places of files do not count. So a change that makes no difference to Vitis writes the same
request again, and nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hlspike.generators.vitis import Stage, script
from hlspike.generators.vitis.sources import DEFINED, resolved
from hlspike.tasks.layout import Layout
from hlspike.tasks.system import files


def request(layout: Layout, stage: Stage, flow: str, units: Sequence[str], unit: str | None, data: Path) -> None:
    """Write down everything that the result of a stage follows from.

    Args:
        units: of the whole design, what is synthesised together.
        unit: the layer that is synthesised by itself, None for the whole design.
        data: folder of the stimulus of co-simulation.
    """
    content = {"stage": stage, **_synthesised(layout, flow, units, unit)}
    if stage != "csynth":
        content["script"] = _script(layout, stage, flow, unit)
    if stage == "cosim":
        texts = _texts(layout, (layout.firmware, layout.bench))
        bench = [f"tb/{name}.cpp" for name in script.BENCH] + [f"firmware/{name}.cpp" for name in units]
        content["bench"] = {path: _resolved(path, texts, ()) for path in bench}
        content["data"] = {name: files.file_digest(data / f"{name}.npy") for name in script.BENCH_DATA}
    files.write_json(layout.requested(stage, unit), content)


def _synthesised(layout: Layout, flow: str, units: Sequence[str], unit: str | None) -> dict[str, Any]:
    """What synthesis follows from, with the digest of it all: later stages follow from it too."""
    if unit is None:
        texts, sources = _texts(layout, (layout.firmware,)), [f"firmware/{name}.cpp" for name in units]
    else:
        texts = _texts(layout, (layout.firmware, layout.scripts(unit)))
        sources = [f"{layout.scripts(unit).relative_to(layout.root)}/{script.layer_top(unit)}.cpp",
                   f"firmware/{unit}.cpp"]
    content = {
        "synthesis": _script(layout, "csynth", flow, unit),
        "sources": {Path(path).name: _resolved(path, texts, DEFINED) for path in sources},
    }
    return {**content, "synthesised": files.digest(repr(sorted(content.items())).encode())}


def _script(layout: Layout, stage: Stage, flow: str, unit: str | None) -> str:
    path = layout.scripts(unit) / (f"{stage}.tcl" if flow == "tcl" else "hls_config.cfg")
    return script.relevant(stage, path.read_text(encoding="utf-8"))


def _texts(layout: Layout, folders: Iterable[Path]) -> dict[str, str]:
    """Path relative to the project → text, of every C++ file."""
    return {
        path.relative_to(layout.root).as_posix(): path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".h", ".cpp")
    }


def _resolved(path: str, texts: Mapping[str, str], defined: Iterable[str]) -> str:
    return files.digest(resolved(path, texts, defined).encode())
