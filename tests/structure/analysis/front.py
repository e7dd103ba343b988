"""What the front end of an HLS compiler makes of a project: its code in LLVM's words, loops unrolled as pragmas ask.

AMD's front end is clang with integers of any width. Here clang compiles the generated sources, with stand-ins for AMD's
headers on integers of exact width, and LLVM's own passes do what decides a schedule: functions are inlined, loops
unrolled, arrays that no index chooses from become values, and what is computed twice is computed once. Nothing is
vectorised, no sum is put in another order, and no width is rounded to a machine's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import ir
from analysis.pragmas import NOTE, Pragma, Written, translated, written

HEADERS = Path(__file__).parent / "include"
STREAMS = ("stand_in_read", "stand_in_write")
"""What hls_stream.h calls."""
_FLAGS = (
    "-std=c++14", "-O1", "-fno-exceptions", "-fno-rtti", "-fno-discard-value-names", "-gline-tables-only", "-w",
    "-fno-threadsafe-statics", "-funroll-loops", "-D__SYNTHESIS__", "-S", "-emit-llvm", "-Xclang",
    "-disable-llvm-passes",
)
_VALUES = "sroa<modify-cfg>,early-cse,instcombine,simplifycfg,adce"
_LOOPS = "loop-simplify,lcssa,loop-mssa(loop-rotate,licm),loop(indvars,loop-deletion)"
_PASSES = (
    f"globaldce,function({_VALUES}),cgscc(inline),function({_VALUES},{_LOOPS},loop(loop-unroll-full),loop-unroll,{_VALUES},gvn,"
    f"{_VALUES},simplifycfg<sink-common-insts>,adce),globaldce"
)
# loops that the source has are all told whether to unroll; what is left are copies of arrays, which are wires
_NO_LIMITS = ("-inline-threshold=100000000", "-pragma-unroll-threshold=1000000000", "-unroll-threshold=1000000000",
              "-unroll-full-max-count=1000000000", "-unroll-allow-peeling=0", "-gvn-max-num-deps=10000")
# without integers of a machine, none is better than another
_LAYOUT = "--data-layout=e-p:64:64"


class MissingError(Exception):
    """There is no clang and opt that have integers of any width."""


@dataclass(frozen=True, slots=True)
class Tools:
    """clang++ and opt of one release."""

    clang: str
    opt: str

    @staticmethod
    def found() -> Tools:
        """Of release 16: 15 has no integers beyond 128 bits, and 19 rounds widths to a machine's.

        Raises:
            MissingError: one line.
        """
        clang, opt = shutil.which("clang++-16"), shutil.which("opt-16")
        if clang is None or opt is None:
            raise MissingError("no clang++-16 and opt-16 on the PATH (apt-get install clang-16 llvm-16)")
        return Tools(clang, opt)


@dataclass(frozen=True, slots=True)
class Note:
    """A pragma with the values of its expressions, in one instantiation of the function it stands in."""

    pragma: Pragma
    function: str
    factor: int
    dim: int
    depth: int
    ii: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A translation unit as the front end leaves it.

    Attributes:
        loops: file and line of a `for` → the loop.
    """

    module: ir.Module
    notes: tuple[Note, ...]
    loops: Mapping[tuple[str, int], Written]


def compiled(tools: Tools, sources: Mapping[str, str], unit: str, folder: Path, hidden: Sequence[str] = ()) -> Compiled:
    """Compile one unit of a project.

    Args:
        sources: path → text of every file of the project, relative to one folder.
        unit: path of the unit.
        folder: where the translated project goes.
        hidden: names of constant tables whose numbers no pass may see.
    """
    notes = _notes(tools, sources, unit, folder / "notes")
    text = _optimised(tools, sources, unit, folder / "code", hidden)
    known = {(name, line): loop for name, source in sources.items() for line, loop in written(source).items()}
    return Compiled(ir.parse(text), notes, known)


def _written(sources: Mapping[str, str], folder: Path, noting: bool) -> list[Pragma]:
    every: list[Pragma] = []
    for name, text in sources.items():
        made, found = translated(text, name, noting, len(every))
        every += found
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made)
    return every


def _optimised(tools: Tools, sources: Mapping[str, str], unit: str, folder: Path, hidden: Sequence[str]) -> str:
    tables = re.compile(rf"^(const [^=;]*\b(?:{'|'.join(map(re.escape, hidden))})\b[^=;]*) = \{{.*?\}};", re.M | re.S)
    given = {name: tables.sub(r"extern \1;", text) if hidden else text for name, text in sources.items()}
    _written(given, folder, noting=False)
    raw, made = folder / "raw.ll", folder / "made.ll"
    _run(tools.clang, *_FLAGS, f"-I{HEADERS}", str(folder / unit), "-o", str(raw))
    _run(tools.opt, "-S", _LAYOUT, *_NO_LIMITS, f"-passes={_PASSES}", str(raw), "-o", str(made))
    return made.read_text()


def _notes(tools: Tools, sources: Mapping[str, str], unit: str, folder: Path) -> tuple[Note, ...]:
    pragmas = _written(sources, folder, noting=True)
    declared = folder / "note.h"
    declared.write_text(f'extern "C" void {NOTE}(int, long, long, long, long);\n')
    raw = folder / "raw.ll"
    _run(tools.clang, *_FLAGS, "-include", str(declared), f"-I{HEADERS}", str(folder / unit), "-o", str(raw))
    found = []
    function = ""
    for line in raw.read_text().splitlines():
        if line.startswith("define"):
            function = re.search(r'@("[^"]*"|[-\w.$]+)\(', line)[1]  # type: ignore[index]
        elif f"@{NOTE}(" in line and line.startswith("  call"):
            number, factor, dim, depth, ii = (int(value) for value in re.findall(r"i(?:32|64) noundef (-?\d+)", line))
            found.append(Note(pragmas[number], function, factor, dim, depth, ii))
    return tuple(found)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[:4000]}")
