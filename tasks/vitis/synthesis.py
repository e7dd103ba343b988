"""The step that runs a stage of Vitis in a folder of its own, judges it, and keeps what it leaves.

A result is known by its request and the release of the tool: nothing else that the folder holds makes a difference to
it. The project of the whole design stays, because later stages build upon it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis import Stage, script
from hlspike.generators.vitis.diagnosis import Diagnosis, judged
from hlspike.generators.vitis.diagnosis import Stage as Judged
from hlspike.generators.vitis.log import version
from hlspike.generators.vitis.parse import parse
from hlspike.generators.vitis.report import SynthesisReport
from hlspike.tasks.layout import PACKAGES, Layout
from hlspike.tasks.system import files, scratch
from hlspike.tasks.vitis import licences, program
from hlspike.tasks.vitis.program import Tool

Target = Mapping[str, Any]
_STANDS = ".synthesised"
"""In a working folder: what the project there was synthesised from."""
_CLASH = "Address already in use"


def run(
    layout: Layout, stage: Stage, unit: str | None, target: Target, tool: Mapping[str, Any], units: Sequence[str],
    shared: str | None,
) -> None:
    """Run a stage and keep its report or package, its log, and what they were made from.

    Args:
        unit: the layer that is synthesised by itself, None for the whole design.
        units: of the whole design, without its test bench.
        shared: folder of the cache, beside which the licences are.
    Raises:
        ToolError: one line that says why it failed, with the first error and the log.
    """
    job = Job(layout, stage, unit, target, Tool(**tool), tuple(units))
    result, log, made = layout.results(stage, unit, target["export"])
    for path in (result, log, made):
        path.unlink(missing_ok=True)
    waiting = partial(program.say, job.label, "waits for a licence")
    with licences.held(licences.folder(shared), target["licences"], waiting):
        failed = _attempt(job)
        if failed is not None and failed.retriable:
            program.say(job.label, f"{failed.kind}; once more")
            failed = _attempt(job)
    if failed is not None:
        of = f" of {unit}:" if unit else ":"
        raise ToolError(f"{failed.message.replace(':', of, 1)}; see {log}")
    ran = version(_text(log))
    if ran not in (None, job.tool.version):
        program.forget(job.tool)
        raise ToolError(f"{job.label}: the tool says {job.tool.version} when asked and {ran} when run; run it again")
    left = job.left()[0]
    if stage != "export":
        parse(_text(left), str(left))  # or refuse it: what cannot be read is no result
    files.write(result, left.read_bytes())
    files.write_json(made, {"request": files.file_digest(layout.requested(stage, unit)), "version": job.tool.version})
    if unit is None:
        (job.work / _STANDS).write_text(job.synthesised, encoding="utf-8")
    else:
        scratch.discarded(job.work)


@dataclass(frozen=True, slots=True)
class Job:
    """One stage of one design or layer, with the tool that runs it."""

    layout: Layout
    stage: Stage
    unit: str | None
    target: Target
    tool: Tool
    units: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.stage} of {self.unit}" if self.unit else self.stage

    @property
    def log(self) -> Path:
        return self.layout.results(self.stage, self.unit, self.target["export"])[1]

    @property
    def work(self) -> Path:
        return self.layout.work(self.unit)

    @property
    def folder(self) -> Path:
        """Where the tool runs: as deep below `work` as the scripts are below the project."""
        return self.work / self.layout.scripts(self.unit).relative_to(self.layout.root)

    @property
    def synthesised(self) -> str:
        """What a project has to have been synthesised from, so that this stage can build upon it."""
        request = files.read_json(self.layout.requested(self.stage, self.unit))
        return f"{request['synthesised']} {self.tool.version}"

    def left(self) -> list[Path]:
        """Files that the stage may have been run for, the most likely first."""
        top = script.layer_top(self.unit) if self.unit else script.TOP
        root = "snn/solution1" if self.target["flow"] == "tcl" else "component/hls"
        ending, rtl = PACKAGES[self.target["export"]], self.target["rtl"]
        patterns = {
            "csynth": (f"{root}/syn/report/csynth.xml", f"{root}/syn/report/{top}_csynth.xml"),
            "cosim": (f"{root}/sim/report/{top}_cosim.rpt",),
            "export": (f"{root}/impl/*.{ending}", f"{root}/impl/*/*.{ending}", f"component/*.{ending}"),
            "impl": (f"{root}/impl/report/{rtl}/export_impl.xml", f"{root}/impl/report/{rtl}/{top}_export.xml"),
        }[self.stage]
        found = (path for pattern in patterns for path in sorted(self.folder.glob(pattern)))
        return [path for path in found if path.stat().st_size]

    def inputs(self) -> Iterator[Path]:
        """Every file that the tool may read."""
        yield from sorted((self.layout.firmware / "kernels").glob("*.h"))
        for name in self.units if self.unit is None else (self.unit,):
            yield from self.layout.sources(name)
        kinds = (".tcl", ".cfg", ".cpp")
        yield from (path for path in sorted(self.layout.scripts(self.unit).iterdir()) if path.suffix in kinds)
        if self.unit is None:
            yield from (path for path in sorted(self.layout.bench.iterdir()) if path.suffix in (".h", ".cpp"))
            data = self.layout.cosim_data if self.target["cosim_sequences"] else self.layout.bench_data
            yield from sorted(data.glob("*.npy"))


def _attempt(job: Job) -> Diagnosis | None:
    """Run the stage once, in a folder that nothing is lost in; None if it succeeded."""
    stands = job.stage != "csynth" and _text(job.work / _STANDS) == job.synthesised
    others = scratch.others(job.work) if stands else frozenset()
    aside = None if stands else scratch.emptied(job.work)
    if aside is not None:
        program.say(job.label, f"{job.work} holds files of no run, and is kept as {aside.name}")
    failed = _attempted(job, stands)
    scratch.over(job.work, others, _STANDS)
    return failed


def _attempted(job: Job, stands: bool) -> Diagnosis | None:
    for path in job.inputs():
        files.write(job.work / path.relative_to(job.layout.root), path.read_bytes())
    # until it has succeeded nothing may build upon it, and nothing old may be taken for its result
    (job.work / _STANDS).unlink(missing_ok=True)
    for old in (*job.left(), job.log, *job.work.rglob("xcd.log")):
        old.unlink(missing_ok=True)
    flow = job.target["flow"]
    commands = list(zip(job.tool.commands(flow, job.stage, stands), _steps(flow, job.stage, stands), strict=True))
    for number, (command, steps) in enumerate(commands, 1):
        start = job.log.stat().st_size if job.log.exists() else 0
        say = partial(program.say, job.label)
        code = program.run(command, job.folder, job.work / "home", job.log, job.target["timeout"], say)
        log = job.log.read_bytes()[start:].decode(errors="replace") + _clash(job.work)
        last = number == len(commands)
        report = _simulated(job, log) if last else None
        failed = judged(
            steps, code, log + _verdict(report), bool(job.left()) or not last, report.transactions if report else None
        )
        if failed is not None:
            return failed
    return None


def _steps(flow: str, stage: Stage, synthesised: bool) -> list[tuple[Judged, ...]]:
    """What each of the tool's commands does; see `Tool.commands`."""
    before: tuple[Judged, ...] = () if synthesised or stage == "csynth" else ("csynth",)
    if flow == "tcl":
        return [("csim", *before, "cosim") if stage == "cosim" else (*before, stage)]
    commands: list[tuple[Judged, ...]] = [("csim",), ("cosim",)] if stage == "cosim" else [(stage,)]
    return [("csynth",), *commands] if before else commands


def _simulated(job: Job, log: str) -> SynthesisReport | None:
    """The report of co-simulation, if this was one and has left any."""
    left = job.left() if job.stage == "cosim" else []
    return parse(_text(left[0]), str(left[0]), log) if left else None


def _verdict(report: SynthesisReport | None) -> str:
    """A report that says Fail is an error, whatever the log says."""
    failed = [one for one in report.simulations if (one.status or "pass").lower() != "pass"] if report else []
    return "".join(f"\n@E the report says {one.status} of {one.rtl}\n" for one in failed)


def _clash(work: Path) -> str:
    """Of the simulator's own log, in which alone a port clash is told."""
    clashed = any(_CLASH in _text(path) for path in work.rglob("xcd.log"))
    return f"\n@E xcd.log: {_CLASH}\n" if clashed else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
