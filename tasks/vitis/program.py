"""Vitis HLS as a process: where it is, which release, and one run of it, judged by what it left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.log import version
from hlspike.tasks.layout import COMPOSED
from hlspike.tasks.system import files, processes

_WITHIN = ("", "bin", "Vitis/bin", "Vitis_HLS/bin")
"""Where an installation may keep its programs, from 2020.1 to 2026.1."""
_PROBE = 120.0
"""Seconds that a tool may take to say its version."""
_CHOOSING = re.compile(r"XILINX|VITIS|AMD|^HLS|^RDI|^LOADEDMODULES$")
"""Environment variables by which wrappers at a site choose a release."""
_PROGRESS = re.compile(
    r"^INFO: \[HLS 200-(?:10|42|1510)\] (?:-- )?(\w.*)|^(STEP \w+ (?:OK|FAIL).*)|^(// RTL Simulation : .*)"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """An installation of Vitis HLS.

    Attributes:
        run: vitis-run, None before 2023.1.
        hls: vitis_hls, None from 2025.1 on.
        compiler: v++, which lies beside vitis-run.
        version: as 2024.1 or 2023.2.2.
    """

    run: str | None
    hls: str | None
    compiler: str | None
    version: str

    @staticmethod
    def found(given: str | None, flow: str) -> Tool:
        """The tool of `target.vitis`, or else of XILINX_HLS, XILINX_VITIS or the PATH.

        Args:
            flow: tcl, or config, which needs vitis-run and v++.
        Raises:
            ToolError: there is none, or it does not say its release.
        """
        for run, hls, compiler in _candidates(given):
            if flow == "tcl" and (run or hls):
                return Tool(run, hls, compiler, _version(str(run or hls)))
            if flow == "config" and run and compiler:
                return Tool(run, hls, compiler, _version(run))
        if given is not None:
            raise ToolError(f"target.vitis: {given} holds no {_wanted(flow)}; name the installation or the program")
        raise ToolError(
            f"Vitis HLS: no {_wanted(flow)} in target.vitis, XILINX_HLS, XILINX_VITIS or on the PATH; source its "
            "settings64.sh, or set target.vitis to the installation"
        )

    def commands(self, flow: str, stage: str, synthesised: bool) -> list[list[str]]:
        """The command lines of a stage, one after the other.

        Args:
            synthesised: whether the component is, which stages after csynth build upon.
        """
        if flow == "tcl":
            script = f"{stage}.tcl"
            return [[self.run, "--mode", "hls", "--tcl", script] if self.run else [str(self.hls), "-f", script]]
        component = ["--config", "hls_config.cfg", "--work_dir", "component"]
        synthesis = [str(self.compiler), "-c", "--mode", "hls", *component]
        verbs = {"csynth": (), "cosim": ("--csim", "--cosim"), "export": ("--package",), "impl": ("--impl",)}[stage]
        later = [[str(self.run), "--mode", "hls", verb, *component] for verb in verbs]
        return [*([] if synthesised and later else [synthesis]), *later]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _wanted(flow: str) -> str:
    return "vitis-run or vitis_hls" if flow == "tcl" else "vitis-run with v++ beside it (target.flow: config)"


def _candidates(given: str | None) -> Iterator[tuple[str | None, str | None, str | None]]:
    """(vitis-run, vitis_hls, v++) of each place in order."""
    if given is not None:
        # unlike Path's, this leaves the home of nobody as it is written
        place = Path(os.path.expanduser(given)).resolve()
        if place.is_file():
            run, hls = (str(place) if place.name.startswith(name) else None for name in ("vitis-run", "vitis_hls"))
            yield run, hls, _program(place.parent, "v++")
            return
        yield from _installation(place)
        return
    for variable in ("XILINX_HLS", "XILINX_VITIS"):
        if os.environ.get(variable):
            yield from _installation(Path(os.environ[variable]))
    yield shutil.which("vitis-run"), shutil.which("vitis_hls"), shutil.which("v++")


def _installation(root: Path) -> Iterator[tuple[str | None, str | None, str | None]]:
    for within in _WITHIN:
        folder = root / within
        yield _program(folder, "vitis-run"), _program(folder, "vitis_hls"), _program(folder, "v++")


def _program(folder: Path, name: str) -> str | None:
    path = folder / name
    return str(path) if path.is_file() and os.access(path, os.X_OK) else None


def _version(program: str) -> str:
    """What the banner says, kept as long as neither the program nor what may choose a release changes."""
    chosen = {name: value for name, value in os.environ.items() if _CHOOSING.search(name)}
    kept = COMPOSED / f"vitis-{files.digest(program.encode())[:16]}.json"
    state = {"chosen": chosen, "signature": list(files.signature(program))}
    try:
        known = files.read_json(kept)
        if known["state"] == state:
            return str(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = _told(program)
    files.write_json(kept, {"state": state, "version": found})
    return found


def forget(tool: Tool) -> None:
    """Ask for the version again next time."""
    program = str(tool.run or tool.hls)
    (COMPOSED / f"vitis-{files.digest(program.encode())[:16]}.json").unlink(missing_ok=True)


def _told(program: str) -> str:
    """The release in the banner, of which a tool that knows no option for it shows all when it runs a script."""
    older = Path(program).name.startswith("vitis_hls")
    options = ["-version"] if older else ["--version"]
    script = ["-f", "exit.tcl"] if older else ["--mode", "hls", "--tcl", "exit.tcl"]
    with tempfile.TemporaryDirectory() as home:
        log = Path(home, "version.log")
        Path(home, "exit.tcl").write_text("exit\n")
        for arguments in (options, script):
            run([program, *arguments], Path(home), Path(home), log, _PROBE, lambda line: None)
            found = version(log.read_text(encoding="utf-8", errors="replace"))
            if found is not None:
                return found
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((line.strip() for line in lines if line.strip()), "nothing")
    raise ToolError(f"{program}: its banner must name a release, as 'v2024.1 (64-bit)', found {said[:80]!r}")


def run(
    command: Sequence[str], folder: Path, home: Path, log: Path, timeout: float | None, say: Callable[[str], None]
) -> int | None:
    """Run `command` in `folder`; what it prints is added to `log` as it comes.

    Args:
        home: its HOME.
        timeout: seconds after which it is killed with all its children.
        say: is told each line worth a look.
    Returns:
        Its exit code, None if it was stopped for time.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    options = {"cwd": folder, "env": _environment(home), "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with log.open("a", encoding="utf-8") as file, processes.started(command, **options) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=_copy, args=(process.stdout, file, say), daemon=True)
        reader.start()
        deadline = None if timeout is None else time.monotonic() + timeout
        code: int | None
        try:
            code = process.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            code = None
        # simulators and servers that it started and left
        processes.stop(process.pid)
        process.wait()
        reader.join()
    return code


def say(label: str, line: str) -> None:
    """Progress of a run, for the terminal."""
    sys.stderr.write(f"{'':12}{label}: {line}\n")
    sys.stderr.flush()


def _copy(stream: IO[str], file: IO[str], say: Callable[[str], None]) -> None:
    for line in stream:
        file.write(line)
        file.flush()
        told = _PROGRESS.match(line)
        if told:
            say(next(text for text in told.groups() if text is not None).strip())


def _environment(home: Path) -> Mapping[str, str]:
    """Ours, with a HOME and a store of Tcl apps that no other run shares; a licence file in the real HOME stays."""
    home.mkdir(parents=True, exist_ok=True)
    kept, real = home.resolve() / ".Xilinx", Path.home() / ".Xilinx"
    for licence in sorted(real.glob("*.lic")) if real != kept else ():
        kept.mkdir(exist_ok=True)
        if not (kept / licence.name).exists():
            (kept / licence.name).symlink_to(licence)
    return {**os.environ, "HOME": str(home.resolve()), "XILINX_LOCAL_USER_DATA": "no"}
