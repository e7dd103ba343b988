"""Diagnosis: whether a step of Vitis HLS succeeded and, if not, the one line that says why.

In comes what the step left behind: exit code, log, and what is known of its artefacts. An exit code alone proves
nothing: 0 despite failure is on record. A step has succeeded if the exit code is 0, the log has no failure marker and
has the step's own success marker, the expected artefact is fresh, and a co-simulation ran at least one transaction.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from hlspike.generators.vitis.log import transactions_of

Stage = Literal["csim", "csynth", "cosim", "export", "impl"]
Kind = Literal[
    "part not installed", "licence", "C++ error", "unroll stopped", "csim mismatch", "cosim mismatch",
    "cosim without transactions", "export failure", "killed", "out of memory", "disk full", "time-out", "port clash",
    "no success marker", "no fresh artefact", "other",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a step failed.

    Attributes:
        message: one line: stage, kind, what was found, remedy.
        first_error: the line of the log behind it, None if none says anything.
    """

    kind: Kind
    message: str
    first_error: str | None

    @property
    def retriable(self) -> bool:
        """Whether the same step may well succeed when run once more."""
        return self.kind == "port clash"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "retriable": self.retriable}


_SUCCESS = {
    "csim": r"\[SIM 211-1\] CSim done with 0 errors",
    "csynth": r"\[HLS 200-789\] \*\*\*\* Estimated Fmax",
    "cosim": r"\[COSIM 212-1000\] \*\*\* C/RTL co-simulation finished: PASS",
    "export": r"\[HLS 200-802\] Generated output file",
    "impl": r"\[HLS 200-802\] Generated output file",
}
_ANY_SUCCESS = r"^STEP {stage} OK\b|\[(?:v\+\+|vitis-run) 60-791\] Total elapsed time"
"""The generated Tcl's own word, and the line that ends every clean log of the configuration-file flow."""
_COMMANDS = {
    "csim": "csim_design",
    "csynth": "csynth_design",
    "cosim": "cosim_design",
    "export": "export_design",
    "impl": "export_design",
}

_FAILURE = re.compile(
    r"""^\s*(?:
        ERROR:?\s*\[                                  # an error of a tool, which signs it
      | @E\b
      | STEP\s\w+\sFAIL\b
      | \S.*?:\d+(?::\d+)?:\s(?:fatal\s)?error:       # of a compiler
      | .*\bbad\slexical\scast\b                      # packaging before the patches of 2021.2, after the year 2021
      | .*\bDEADLOCK\sDETECTED\b
      | WARNING:\sHls::stream\s.*\bread\swhile\sempty
    )""",
    re.VERBOSE,
)
_ERROR = re.compile(
    r"""^\s*(?:
        ERROR:\s*\S                                   # a bare ERROR: closes many logs and says nothing
      | mismatch:\s                                   # of the generated test bench
      | \S*\bld(?:\.lld)?:\s | collect2:\serror: | clang(?:\+\+)?:\serror:
      | .*\bundefined\sreference\sto\b
      | terminate\scalled\safter
      | .*Segmentation\sfault
    )""",
    re.VERBOSE,
)
_ENVIRONMENT: tuple[tuple[Kind, str], ...] = (
    ("part not installed", r"HLS 200-1023\]|\bpart\b.* is not installed|Coretcl 2-106\]"),
    ("licence", r"Common 17-345\]|\blicen[cs]e\b.*\b(?:not found|failed|denied|expired|unavailable|not available)\b"),
    ("disk full", r"No space left on device|Disk quota exceeded|not enough space on the disk"),
    (
        "out of memory",
        r"std::bad_alloc|out of memory|Cannot allocate memory|memory exhausted|unable to execute command: Killed",
    ),
    ("port clash", r"Address already in use"),
)
"""What has nothing to do with the design: told first, whatever else went wrong after it."""
_UNROLL = r" 200-1471\]|XFORM 203-504\]|Stop unrolling"
_CPP = (
    r":\d+(?::\d+)?: (?:fatal )?error:|HLS 207-\d+\]|HLS 214-\d+\]|HLS 200-(?:70|1715)\]|SYNCHK 200-\d+\]"
    r"|compilation error|\bld(?:\.lld)?: |collect2: error|clang(?:\+\+)?: error|undefined reference"
)
_NOT_RUN = r"COSIM 212-(?:24|345)\]"
"""Co-simulation that was refused before anything could differ."""
_SHELL_SIGNALS = {signal.SIGHUP, signal.SIGINT, signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM}
"""Those that codes above 128 are taken to mean; programs use the rest of these codes for themselves."""
_LONGEST = 240
"""Characters of a quoted line: some list every include folder."""

_REMEDIES: dict[Kind, str] = {
    "part not installed": "install the device, or set target.part to one that is",
    "licence": "see that the licence server answers and has this feature",
    "C++ error": "correct the source",
    "unroll stopped": "raise the reuse factor of that layer",
    "csim mismatch": "compare the test bench's data with the sources",
    "cosim mismatch": "see the report of C simulation and the co-simulation log",
    "cosim without transactions": "see that the test bench calls the top",
    "export failure": "see the log of Vivado",
    "killed": "run it again with more memory or fewer jobs at once",
    "out of memory": "run fewer jobs at once, or raise the reuse factors",
    "disk full": "free space and run it again",
    "time-out": "raise the limit, or shorten the stimulus",
    "port clash": "run it again",
    "no success marker": "see the end of the log",
    "no fresh artefact": "see the log for where the report went",
    "other": "see the log",
}


def judged(
    steps: Sequence[Stage], exit_code: int | None, log: str, fresh: bool, transactions: int | None = None
) -> Diagnosis | None:
    """None if all of `steps`, which one run took in this order, succeeded; else why the first that failed did.

    Args:
        log: of the run. Its lines `STEP <name> OK` and `STEP <name> FAIL …` end the part of each step; what stands
            before the end of one, set-up included, is its own.
        exit_code, fresh, transactions: as in `diagnose`, of the run and so of its last step.
    """
    ends = {found[1]: found for found in re.finditer(r"^STEP (\w+) (?:OK|FAIL)\b.*$", log, re.MULTILINE)}
    start = 0
    for step in steps:
        end = ends.get(step)
        if step == steps[-1] or end is None or " FAIL" in end[0][: len(f"STEP {step} FAIL")]:
            return diagnose(step, exit_code, log[start:], fresh, transactions)
        found = diagnose(step, 0, log[start : end.end()], fresh=True)
        if found is not None:
            return found
        start = end.end()
    return None


def diagnose(
    stage: Stage, exit_code: int | None, log: str, fresh: bool, transactions: int | None = None
) -> Diagnosis | None:
    """None if the step succeeded, else why it did not.

    Args:
        exit_code: None if the step was stopped for time; negative for a signal.
        log: of this run; of a log with several steps only the part of this one counts.
        fresh: whether the expected artefact is there and newer than the start of the step.
        transactions: that the co-simulation completed, None if its report does not tell.
    """
    part = _part(stage, log)
    lines = [line.rstrip() for line in part.splitlines() if not line.lstrip().startswith("#")]
    failures = [line for line in lines if _FAILURE.match(line)]
    succeeded = re.search(_ANY_SUCCESS.format(stage=stage) + "|" + _SUCCESS[stage], part, re.MULTILINE) is not None
    if transactions is None and stage == "cosim":
        transactions = transactions_of(part)
    empty = stage == "cosim" and transactions == 0
    if exit_code == 0 and not failures and succeeded and fresh and not empty:
        return None
    for kind, pattern in _ENVIRONMENT:
        for line in lines:
            if re.search(pattern, line, re.IGNORECASE) and not re.match(r"\s*(?:INFO|WARNING):", line):
                return _diagnosis(stage, kind, None, line)
    first = next((line for line in lines if _FAILURE.match(line) or _ERROR.match(line)), None)
    if exit_code is None:
        return _diagnosis(stage, "time-out", "stopped for time", first)
    if (name := _signal(exit_code)) is not None:
        return _diagnosis(stage, "killed", f"ended by {name}", first)
    if first is not None and (failures or exit_code != 0):
        return _diagnosis(stage, _kind(stage, first), None, first)
    if exit_code != 0:
        return _diagnosis(stage, "other", f"exit code {exit_code} and no error in the log", None)
    if not succeeded:
        return _diagnosis(stage, "no success marker", "exit code 0, but the log never says that it succeeded", first)
    if not fresh:
        return _diagnosis(stage, "no fresh artefact", "exit code 0, but the expected file is missing or old", first)
    return _diagnosis(stage, "cosim without transactions", "it passed without a single call of the top", first)


def _part(stage: Stage, log: str) -> str:
    """From where the log says that this stage's command runs up to the next stage; all of it if it never says so."""
    starts = [
        (found.start(), found[1])
        for found in re.finditer(r"^INFO: \[HLS 200-1510\] Running: (\w+_design)\b", log, re.MULTILINE)
        if found[1] in _COMMANDS.values()
    ]
    own = [index for index, (_, command) in enumerate(starts) if command == _COMMANDS[stage]]
    if not own:
        return log
    following = starts[own[-1] + 1 :]
    return log[starts[own[-1]][0] : following[0][0] if following else len(log)]


def _kind(stage: Stage, error: str) -> Kind:
    if re.search(_UNROLL, error):
        return "unroll stopped"
    if stage in ("export", "impl"):
        return "export failure"
    if re.search(_CPP, error):
        return "C++ error"
    if stage == "csim" and re.search(r"SIM 211-|^@E|^mismatch:|HLS SIM\]|read while empty|SIGSEGV", error):
        return "csim mismatch"
    if stage == "cosim" and not re.search(_NOT_RUN + r"|\[HLS 200-(?!742\])|\[Common ", error):
        return "cosim mismatch"
    return "other"


def _signal(exit_code: int) -> str | None:
    """The signal behind an exit code: negative of a process, 128 more than it of a shell."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number <= 0 or (exit_code > 0 and number not in _SHELL_SIGNALS):
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _diagnosis(stage: Stage, kind: Kind, found: str | None, error: str | None) -> Diagnosis:
    line = None if error is None else " ".join(error.split())
    if line is not None and len(line) > _LONGEST:
        line = line[: _LONGEST - 1] + "…"
    what = "; ".join(text for text in (found, line and line.rstrip(".")) if text)
    return Diagnosis(kind, f"{stage}: {kind}: {what}; {_REMEDIES[kind]}", line)
