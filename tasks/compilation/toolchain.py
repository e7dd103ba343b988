"""g++ as a process: precompiled headers, objects, the csim binary and its runs. A failure is one line and a log."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hlspike.generators.errors import ToolError
from hlspike.tasks.compilation import machine
from hlspike.tasks.system import files, processes

FLAGS = (
    "-std=c++14",
    # sums are vectors of many lanes: short loops made of them are lost if they are unrolled before
    "-O3",
    "--param=max-completely-peel-times=4",
    "-Wall",
    "-Wextra",
    "-Wno-unknown-pragmas",
    "-Wno-unused-label",
    # AMD's headers read what they are about to overwrite
    "-Wno-uninitialized",
    "-Wno-maybe-uninitialized",
    # AMD's headers assert in casts that drop more bits than the source has, and go on correctly without
    "-DNDEBUG",
)
_ERROR = re.compile(r"\b(?:error|ERROR|undefined reference|cannot find)\b(?=[:` ])")
"""In the line that tells why; what stands around it may name a folder by these words."""
_PRECOMPILED = "#include <ap_fixed.h>\n#include <ap_int.h>\n"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler, and AMD's headers.

    Attributes:
        compiler: absolute path.
        version: first line of what `--version` says.
        digest: of the compiler's own bytes: versions have been rebuilt before.
        include: folder of ap_fixed.h.
        headers: what the headers belong to, a package and its version or a Vitis release.
        machine: what it compiles for, as `machine.kind` says: its name, and flags for its vectors.
    """

    compiler: str
    version: str
    digest: str
    include: str
    headers: str
    machine: str

    @staticmethod
    def found(compiler: str) -> Toolchain:
        """Raises ToolError if the compiler or the headers are missing."""
        path = shutil.which(compiler)
        if path is None:
            raise ToolError(f"csim.compiler: there is no '{compiler}' on the PATH; install g++ or name another")
        _, told = processes.output([path, "--version"])
        include, headers = _include()
        return Toolchain(path, told.partition("\n")[0], files.file_digest(path)[:16], include, headers, machine.kind())

    @property
    def vectors(self) -> list[str]:
        """Flags, beside those of every machine."""
        return self.machine.split()[1:]

    @property
    def content(self) -> dict[str, str]:
        """What objects rest on, wherever the compiler and the headers lie."""
        return {
            "compiler": f"{self.version}, {self.digest}", "headers": self.headers, "flags": " ".join(FLAGS),
            "machine": self.machine,
        }

    @property
    def local(self) -> dict[str, str]:
        """Where they lie."""
        return {"compiler": self.compiler, "include": self.include}

    @property
    def identity(self) -> str:
        """Changes when objects compiled before can no longer stand."""
        return files.digest("\0".join((*self.content.values(), *self.local.values())).encode())[:16]


def _include() -> tuple[str, str]:
    vitis = os.environ.get("XILINX_HLS")
    if vitis and Path(vitis, "include", "ap_fixed.h").is_file():
        return str(Path(vitis, "include")), f"Vitis HLS at {vitis}"
    spec = find_spec("hls4ml")
    for location in spec.submodule_search_locations or () if spec else ():
        folder = Path(location, "templates", "vivado", "ap_types")
        if (folder / "ap_fixed.h").is_file():
            from importlib.metadata import version

            return str(folder), f"hls4ml {version('hls4ml')}"
    raise ToolError("headers: ap_fixed.h was not found; pip install hls4ml, which carries it, or set XILINX_HLS")


def precompile(toolchain: Toolchain, header: Path) -> None:
    """Write `header`, which includes AMD's, and its precompiled form beside it."""
    files.write(header, _PRECOMPILED)
    target = header.with_name(header.name + ".gch")
    with files.replacing(target) as temporary:
        _run(toolchain, ["-x", "c++-header", str(header), "-o", str(temporary)], header.with_suffix(".log"), "headers")


def compile_unit(
    toolchain: Toolchain, source: Path, target: Path, header: Path | None, log: Path, *folders: Path,
    assembly: bool = False,
) -> list[str]:
    """Compile `source` to the object `target`.

    Args:
        header: precompiled header to begin with, if the source wants AMD's types.
        folders: looked in for headers before AMD's, as for an hls_stream.h with FIFOs as deep as the hardware's.
        assembly: make the assembler's text in place of the object.
    Returns:
        The headers of the project that the source includes.
    Raises:
        ToolError: with the first error and where all of them are.
    """
    include = ["-include", str(header)] if header else []
    include += ["-DHLSPIKE_BOUNDED"] if folders else []
    include += [word for folder in folders for word in ("-I", str(folder))]
    with files.replacing(target) as temporary:
        depends = log.with_suffix(".d")
        depends.parent.mkdir(parents=True, exist_ok=True)
        action = "-S" if assembly else "-c"
        arguments = [*include, "-MMD", "-MF", str(depends), action, str(source), "-o", str(temporary)]
        _run(toolchain, arguments, log, str(source))
        included = _prerequisites(depends.read_text(encoding="utf-8", errors="surrogateescape"))
        depends.unlink()
    return [path for path in included if not path.startswith(toolchain.include) and path != str(source)]


def assemble(toolchain: Toolchain, text: Path, target: Path) -> None:
    """Make the object `target` of assembler's `text`, as the compiler does of its own."""
    with files.replacing(target) as temporary:
        code, output = processes.output([toolchain.compiler, "-c", str(text), "-o", str(temporary)])
        if code != 0 or output:
            raise ToolError(f"{text}: {Path(toolchain.compiler).name} failed: {output.strip() or f'exit code {code}'}")


def _prerequisites(rule: str) -> list[str]:
    """The files that a rule of make, as g++ writes it, names behind the colon."""
    words = re.findall(r"(?:\\[ #:]|\$\$|[^\s])+", rule.replace("\\\n", " ").partition(": ")[2])
    return [re.sub(r"\\([ #:])", r"\1", word).replace("$$", "$") for word in words]


def link(toolchain: Toolchain, objects: Sequence[Path], target: Path, log: Path) -> None:
    """Link `objects` to the program `target`."""
    with files.replacing(target) as temporary:
        _run(toolchain, [*map(str, objects), "-o", str(temporary)], log, str(target))
        temporary.chmod(0o755)


def simulate(program: Path, data: Path, out: Path, trace: str, log: Path) -> int:
    """Run csim over the stimulus in `data`; its traces are left in `out`.

    Returns:
        0 if it emitted what was expected, 1 if not.
    Raises:
        ToolError: it could not run, or a FIFO was read while empty or written while full.
    """
    command = [str(program.resolve()), "--data", str(data), "--out", str(out), "--trace", trace]
    code, output = processes.output(command)
    files.write(log, output)
    if code not in (0, 1):
        reason = output.strip().splitlines()[-1] if output.strip() else f"exit code {code}"
        raise ToolError(f"csim: {reason}; see {log}")
    return code


def _run(toolchain: Toolchain, arguments: Sequence[str], log: Path, what: str) -> None:
    flags = [*FLAGS, *toolchain.vectors, "-isystem", toolchain.include]
    code, output = processes.output([toolchain.compiler, *flags, *arguments])
    made = Path(arguments[arguments.index("-o") + 1])
    if code == 0 and not made.stat().st_size:
        raise ToolError(f"csim.compiler: {toolchain.compiler} has made nothing of {what}; name a C++ compiler as g++")
    if code == 0 and not output:
        log.unlink(missing_ok=True)
        return
    files.write(log, output)
    if code != 0:
        lines = output.splitlines()
        first = next((line for line in lines if _ERROR.search(line)), lines[0] if lines else f"exit code {code}")
        raise ToolError(f"{what}: {Path(toolchain.compiler).name} failed: {first.strip()}; see {log}")
