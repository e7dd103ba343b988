"""What a build costs from nothing, and after an edit: CPU-seconds, the least of some runs, and the steps that ran.

    python benchmarks/edits.py [--runs N] [EXPERIMENT]

Builds a copy of the shipped examples in a folder of its own, without a cache, so that each edit costs what it costs.
Edits are made back and forth, from one value to another and to the first one again, and both ways count. Whether torch
was imported by anything that ran is told too: starting it takes longer than most steps.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from pathlib import Path

import cpu

EDITS = {
    "readout.class_threshold": ("readout.decision_rule=threshold_then_argmax", "readout.class_threshold=3"),
    "readout.decision_rule": ("readout.decision_rule=first_to_threshold",),
    "sim.sequences": ("sim.sequences=100",),
    "target.clock_period": ("target.clock_period=8",),
    "one weight type": ("+hls.layers.fc1.precision.weight=ap_fixed<7,2>",),
    "comment in the model": (),
}
"""What is edited → the overrides that stand for it; none for an edit of the module's file."""
_STEP = re.compile(r"^ *\d+\.\d\d s  ([a-z_]+)", re.MULTILINE)


class Folder:
    """A user's folder with the shipped examples, built in by a process of its own each time."""

    def __init__(self, path: Path, experiment: str) -> None:
        self.path, self.experiment = path, experiment
        for name in ("examples", "conf"):
            shutil.copytree(cpu.ROOT / name, path / name)

    def build(self, *overrides: str) -> tuple[float, list[str], bool]:
        """CPU-seconds, the steps that ran, and whether torch was imported."""
        command = (*cpu.BUILD, f"experiment={self.experiment}", "cache.enabled=false", *overrides)
        # Python tells of every module it imports, in every process
        seconds, out, err = cpu.of(command, self.path, PYTHONPROFILEIMPORTTIME="1")
        return seconds, list(dict.fromkeys(_STEP.findall(out))), re.search(r"\| +torch$", err, re.MULTILINE) is not None

    def comment(self) -> None:
        """Edit the modules that the experiments name, so that they say nothing else."""
        for module in (self.path / "examples").glob("*.py"):
            module.write_text(f"{module.read_text()}\n# another line\n")


def told(what: str, seconds: float, steps: list[str], torch: bool) -> None:
    print(f"{what:24}  {seconds:5.2f}  {'torch' if torch else '-':5}  {' '.join(steps)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="?", default="digits_spike")
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        firsts = []
        for number in range(chosen.runs):
            folder = Folder(Path(name, str(number)), chosen.experiment)
            firsts.append(folder.build())
        print(f"{chosen.experiment}, minimum of {chosen.runs}: CPU-seconds, whether torch was started, the steps")
        told("first build", *min(firsts))
        told("nothing", *min(folder.build() for _ in range(chosen.runs)))
        for what, overrides in EDITS.items():
            taken = []
            for _ in range(chosen.runs):
                if not overrides:
                    folder.comment()
                taken.append(folder.build(*overrides))
                taken += [folder.build()] if overrides else []
            told(what, *min(taken))


if __name__ == "__main__":
    main()
