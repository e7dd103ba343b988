"""Multirun: one job per variant, by any of Hydra's launchers.

    python -m hlspike.tasks.sweep -m precision=w4,w6,w8 hydra/launcher=joblib

A job is a `doit build` of its own for one variant of the sweep, in the folder that the sweep in one process gives it.
Jobs share the cache and the record of successes, so what either way has built is built. What became of a job stands in
a file of the variant, from which the table is made: a job that fails, or that its cluster kills, costs only its row.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hlspike.generators.errors import ConfigError, HlspikeError
from hlspike.tasks.configuration import launchers, variants
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import marks
from hlspike.tasks.layout import BUILD, ONLY, PACKAGE
from hlspike.tasks.results import tables
from hlspike.tasks.system import files

_OK = "ok"
_POLL = 0.3
"""Seconds between two looks for jobs that have come to their end."""
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run a sweep and print its table.

    Args:
        arguments: Hydra's flags and overrides; `hydra/launcher=…` and other settings of Hydra among them.
    Returns:
        The exit code: 0 only if every variant was built and agrees with its reference.
    """
    flags = [item for item in arguments if item.startswith("-")]
    given = [item for item in arguments if not item.startswith("-")]
    settings = [item for item in given if item.startswith("hydra") and not item.startswith("hydra.searchpath=")]
    overrides = [item for item in given if item not in settings]
    try:
        _check(flags, settings)
        asked = variants.load(overrides)
        _check_settings(settings, overrides)
        for name in {variant.config["name"] for variant in asked}:
            marks.claim(BUILD / name)
        for variant in asked:
            variant.layout.job.unlink(missing_ok=True)
        with _told(asked):
            finished = _launch(flags, settings, overrides, asked)
    except HlspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}; the sweep needs to write there", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was done is kept", file=sys.stderr)
        return _INTERRUPTED
    if not finished and not any(variant.layout.job.exists() for variant in asked):
        return 1  # the launcher has said why no job began
    outcomes = [(variant, _outcome(variant)) for variant in asked]
    failed = {variant.label for variant, outcome in outcomes if not _reported(variant, outcome)}
    print(f"\n{tables.swept(asked, failed)}\n", flush=True)
    for variant, outcome in outcomes:
        if outcome != _OK:
            print(f"error: {variant}: {outcome}", file=sys.stderr)
    return 0 if finished and all(outcome == _OK for _, outcome in outcomes) else 1


def _check(flags: Sequence[str], settings: Sequence[str]) -> None:
    for flag in flags:
        if flag not in ("-m", "--multirun"):
            raise ConfigError(f"sweep: {flag} is not supported; give -m and overrides")
    if not flags:
        raise ConfigError("sweep: -m is missing; for a single variant use doit build")
    for setting in settings:
        key, _, value = setting.partition("=")
        if key == "hydra/sweeper" and value != "basic":
            raise ConfigError(f"hydra/sweeper: {value} is not supported, variants are named at the start; use basic")
        absent = launchers.missing(value) if key == "hydra/launcher" else None
        if absent is not None:
            raise ConfigError(absent)


def _check_settings(settings: Sequence[str], overrides: Sequence[str]) -> None:
    from hlspike.tasks.configuration import compose

    if settings:
        compose.check_hydra(settings, variants.folder(overrides))


def _launch(flags: Sequence[str], settings: Sequence[str], overrides: Sequence[str], asked: Sequence[Variant]) -> bool:
    """Hand the jobs to Hydra; returns whether its launcher saw all of them through."""
    import hydra
    from hydra.core.hydra_config import HydraConfig

    from hlspike.tasks.configuration.compose import from_files, prepared

    here = Path.cwd()

    def job(_: Any) -> None:
        build(asked[HydraConfig.get().job.num], overrides, here)

    quiet = {
        "hydra/hydra_logging": "none", "hydra/job_logging": "none", "hydra.output_subdir": "null",
        "hydra.sweep.dir": str(BUILD / asked[0].config["name"] / ".sweep"), "hydra.sweep.subdir": ".",
        # among the overrides below, where those of the command line win over them
        "hydra.sweeper.params": "null",
    }
    chosen = {setting.lstrip("+").partition("=")[0] for setting in settings}
    own = [f"{key}={value}" for key, value in quiet.items() if key not in chosen]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # it raises what it would otherwise print
    every = [*from_files(overrides, variants.folder(overrides)), *map(prepared, overrides)]
    before, sys.argv = sys.argv, ["sweep", *flags, *own, *settings, *every]
    try:
        hydra.main(version_base="1.3", config_path=str(variants.folder(overrides)), config_name="config")(job)()
    except SystemExit as error:
        return not error.code
    except Exception as error:
        # a launcher raises what its cluster did to a job; the rows of the others stand
        lines = str(error).strip().splitlines()
        print(f"error: the launcher: {type(error).__name__}: {lines[0] if lines else ''}", file=sys.stderr)
        return False
    finally:
        sys.argv = before
    return True


def build(variant: Variant, overrides: Sequence[str], here: Path) -> None:
    """The job: build one variant of the sweep that `overrides` ask for, and write down what became of it."""
    layout = variant.layout
    log, status = here / layout.log / "build.log", here / layout.job
    command = [sys.executable, "-m", "doit", "-f", str(PACKAGE / "tasks" / "dodo.py"), "-d", str(here), "build"]
    start = time.perf_counter()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as stream:
        code = subprocess.run(
            [*command, *overrides], cwd=here, env=os.environ | {ONLY: variant.label}, stdin=subprocess.DEVNULL,
            stdout=stream, stderr=subprocess.STDOUT, check=False,
        ).returncode
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    outcome = _OK if code == 0 else (errors[0] if errors else f"exit code {code}; see {layout.log / log.name}")
    files.write_json(status, {"outcome": outcome, "seconds": round(time.perf_counter() - start, 3)})


def _outcome(variant: Variant) -> str:
    try:
        return str(files.read_json(variant.layout.job)["outcome"])
    except (OSError, ValueError):
        return f"its job has not come to an end; see {variant.layout.log / 'build.log'}"


def _reported(variant: Variant, outcome: str) -> bool:
    """Whether its report is of this sweep: a build whose executors differ refers to it."""
    return outcome == _OK or str(variant.layout.report_text) in outcome


@contextlib.contextmanager
def _told(asked: Sequence[Variant]) -> Iterator[None]:
    """A line for each job that comes to its end, wherever it runs."""
    over = threading.Event()
    waiting = list(asked)

    def look() -> None:
        for variant in list(waiting):
            with contextlib.suppress(OSError, ValueError):
                status = files.read_json(variant.layout.job)
                waiting.remove(variant)
                done = f"[{len(asked) - len(waiting)}/{len(asked)}]"
                print(f"{done} {variant}: {status['outcome']}, {status['seconds']:.1f} s", flush=True)

    def watch() -> None:
        while not over.wait(_POLL):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        look()


if __name__ == "__main__":
    # the functions that launchers send elsewhere have to belong to a module that can be imported there
    from hlspike.tasks import sweep

    sys.exit(sweep.main(sys.argv[1:]))
