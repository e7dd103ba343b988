"""The command line as its user meets it: what can be asked for, and one line of our own for what cannot.

doit parses options, and knows which tasks there are; its refusals name neither the nearest word nor the remedy, so
they are told here. `Loader` is there before doit has parsed anything: in a folder whose doit.cfg or pyproject.toml
names it, also `doit --version` and `doit help` are answered here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from doit import doit_cmd
from doit.cmd_base import DodoTaskLoader, DoitCmdBase
from doit.cmd_list import List
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand

from hlspike.generators.vitis import STAGES

TASKS: dict[str, str] = {
    "build": "from the trained model to a verified HLS project and its report; what is asked for if nothing is",
    **dict.fromkeys(STAGES, "a stage of Vitis HLS, and the report"),
    "pictures": "the report's pictures",
    "why": "why a step would run: doit why TASK…",
    "results": "every variant that was built, as a table",
    "config": "where every value of the configuration comes from",
    "cache": "the shared cache: doit cache show | verify | prune",
    "schema": "conf/schema.json, for the completion of an editor",
}
"""What users ask for, in the order of the lists, and what for."""
STEPS = (
    "resolve", "stimulus", "train", "extract", "network", "extent", "float", "decide", "kernels", "headers", "design",
    "generate", "compile", "link", "reference", "csim", "scripts", "layer", "cosim_data", "request", "vitis", "figures",
    "report", "manifest",
)
"""The steps of a build and of the stages, which can be asked for by name too."""
_ANSWERS = {"why": (), "cache": (), "results": ("sort", "columns", "pareto", "picture"), "config": (), "schema": ()}
"""Tasks to which everything behind their name belongs, with their options."""
_HELP = """hlspike: a trained spiking network becomes a verified HLS project

    doit [OPTIONS] [TASK…] [KEY=VALUE…]     the values are Hydra's overrides

Tasks
{tasks}
    clean       removes what was made in the folder of this configuration, and nothing else
    list        the tasks; with --all also the steps of a build

Options, before the task
    -n NUMBER   that many steps at a time
    -a          run steps that are up to date too

doit help run: all options; doit help TASK: one task; doit help COMMAND, of which there are {commands}"""


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """doit's loader of tasks, which looks at the command line first."""

    def __init__(self) -> None:
        super().__init__()
        arguments = sys.argv[1:]
        told = answer(arguments) or refusal(arguments)
        if told is not None:
            from hlspike.tasks.terminal.console import tell

            tell(told[1], (sys.stdout, sys.stderr)[told[0] > 0])
            raise SystemExit(told[0])


def answer(arguments: Sequence[str]) -> tuple[int, str] | None:
    """Exit code and text, of what needs no configuration."""
    if list(arguments) in (["--version"], ["-V"]):
        return 0, f"hlspike {_version('hlspike')}, on doit {_version('doit')}"
    if list(arguments) in (["help"], ["--help"], ["-h"]):
        tasks = "\n".join(f"    {name:<11} {told}" for name, told in TASKS.items())
        return 0, _HELP.format(tasks=tasks, commands=", ".join(sorted(_commands())))
    return None


def refusal(arguments: Sequence[str]) -> tuple[int, str] | None:
    """Exit code and line, of an option that there is not, or in a place where it has no effect."""
    try:
        check(arguments)
    except CmdParseError as error:
        return 3, f"ERROR: {error}"
    return None


def check(arguments: Sequence[str]) -> None:
    """Raises CmdParseError for an option that doit would not take, or not where it stands."""
    commands = _commands()
    words = iter(arguments)
    command, named = commands["run"], ""
    for word in words:
        if not word.startswith("-") or word == "-":
            if "=" in word:
                continue
            if word in _ANSWERS and command is commands["run"]:
                _check_answer(_ANSWERS[word], words)
                return
            if not named and word in commands and command is commands["run"]:
                command = commands[word]
            else:
                named = word
            continue
        _check_option(word, command, named)
        if _takes_value(word, command):
            next(words, None)


def _check_option(word: str, command: Any, named: str) -> None:
    name = word.partition("=")[0]
    ours = named.partition(":")[0] in (*TASKS, *STEPS)
    if named and not ours and command.__name__ == "Run":
        # a task of the user's own may take options
        return
    if not any(map(_matches(word), _options(command))):
        if name in ("--dry-run", "--dryrun"):
            raise CmdParseError(f"{name}: there is no such option; doit why tells what a build would run, and why")
        every = [f"--{option['long']}" for option in _options(command) if option["long"]]
        raise CmdParseError(f"{name}: there is no such option{_meant(name, every)}; doit help run tells them all")
    if ours and command.__name__ == "Run":
        raise CmdParseError(f"{word}: options stand before the task, as in doit {word} … {named}")


def _check_answer(options: Sequence[str], words: Iterable[str]) -> None:
    for word in words:
        name = word.partition("=")[0]
        if word.startswith("-") and not any(option.startswith(name[2:]) for option in options):
            known = ", ".join(f"--{option}=…" for option in options) or "none"
            raise CmdParseError(f"{name}: there is no such option; options are {known}")


def _matches(word: str) -> Any:
    """Whether an option of doit is the one that `word` gives; long ones may be cut short."""
    name = word.partition("=")[0]
    if word.startswith("--"):
        return lambda option: any(
            long and long.startswith(name[2:]) for long in (option["long"], option.get("inverse", ""))
        )
    return lambda option: bool(option["short"]) and option["short"] == word[1]


def _takes_value(word: str, command: Any) -> bool:
    if "=" in word or (not word.startswith("--") and len(word) > 2):
        return False
    return any(option["type"] is not bool for option in filter(_matches(word), _options(command)))


def _options(command: Any) -> list[dict[str, Any]]:
    shared = (*DoitCmdBase.base_options, *DodoTaskLoader.cmd_options) if issubclass(command, DoitCmdBase) else ()
    return [{"type": str, "short": "", "long": "", **option} for option in (*shared, *command.cmd_options)]


def _commands() -> dict[str, Any]:
    return {command.get_name(): command for command in doit_cmd.DoitMain.DOIT_CMDS}


def install(names: Callable[[], Iterable[str]]) -> None:
    """From now on doit's list has the tasks that users ask for first, and what there is not is told in our own line.

    Args:
        names: of the steps that there are at the time.
    """

    def listed(self: Any, include_subtasks: bool) -> list[Any]:
        found = [task for task in self.task_list if include_subtasks or not task.subtask_of]
        return list(_ordered(found, include_subtasks))

    def told(self: Any) -> str:
        return missing(self.not_found, names()) if self.not_found is not None else " ".join(map(str, self.args))

    List._list_all = listed
    InvalidCommand.__str__ = told


def _ordered(tasks: Sequence[Any], steps: bool) -> Iterator[Any]:
    order = list(TASKS)
    yield from sorted((task for task in tasks if task.name in TASKS), key=lambda task: order.index(task.name))
    rest = [task for task in tasks if task.name not in TASKS]
    yield from (task for task in rest if steps or task.name not in STEPS)


def missing(name: str, names: Iterable[str]) -> str:
    """One line on a task that there is not."""
    every = [*TASKS, *STEPS, *_commands(), *dict.fromkeys(names)]
    return f"{name}: there is no such task{_meant(name, every)}; doit list --all names them"


def _meant(name: str, every: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, every, 1)
    return f", did you mean '{close[0]}'" if close else ""


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
