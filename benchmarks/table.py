"""The table of experiments in README.md and docs/: what each shipped point reaches at each precision.

    python benchmarks/table.py [EXPERIMENT…] [--write]

Builds every experiment at 4, 6, 8 and 16 bits, as `doit build experiment=… precision=w4,w6,w8,w16` does, takes the
figures from build/<name>/sweep.csv, and times csim by itself, best of three. With --write the table is replaced
wherever it stands. The mnist experiments need the extra: pip install '.[mnist]'
"""

from __future__ import annotations

import argparse
import csv
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from hlspike.tasks.compilation import toolchain
from hlspike.tasks.layout import BUILD, PACKAGE, Layout
from hlspike.tasks.system import files

EXPERIMENTS = ("digits_spike", "digits_membrane", "mnist_spike", "mnist_membrane")
PRECISIONS = ("w4", "w6", "w8", "w16")
HEADER = ["experiment", "precision", "accuracy, float", "accuracy, csim", "decisions equal", "spikes equal",
          "weight bits", "state bits", "csim timesteps/s"]
_RUNS = 3
_TABLE = re.compile(r"(<!-- table: experiments -->\n).*?(?=<!--)", re.DOTALL)


def build(experiment: str) -> list[dict[str, str]]:
    """The rows of the experiment's sweep.csv, built anew where something changed."""
    command = [sys.executable, "-m", "doit", "-f", str(PACKAGE / "tasks" / "dodo.py"), "-d", ".", "build"]
    done = subprocess.run([*command, f"experiment={experiment}", f"precision={','.join(PRECISIONS)}"], check=False)
    if done.returncode != 0:
        raise SystemExit(f"{experiment}: the build failed, see above")
    with open(BUILD / experiment / "sweep.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def speed(layout: Layout, timesteps: int) -> float:
    """Timesteps of csim per second of CPU, the best of some runs."""
    taken = []
    for _ in range(_RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as out:
            code = toolchain.simulate(layout.csim, layout.bench_data, Path(out), "decisions", Path(out, "log"))
        if code != 0:
            raise SystemExit(f"{layout.csim}: it differs from the reference")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return timesteps / min(taken)


def line(experiment: str, row: dict[str, str]) -> list[str]:
    """The cells of one precision."""
    layout = Layout(BUILD / experiment / f"precision-{row['precision']}")
    report = files.read_json(layout.report)
    shares = [f"{100 * float(row[key]):.2f} %" for key in
              ("accuracy_float", "accuracy_csim", "decisions_equal", "spikes_equal")]
    bits = [f"{int(row[key]):,}" for key in ("weight_bits", "state_bits")]
    return [experiment, row["precision"], *shares, *bits, f"{speed(layout, report['timesteps']):,.0f}"]


def markdown(rows: list[list[str]]) -> str:
    ruled = [HEADER, ["---", "---", *["---:"] * (len(HEADER) - 2)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in ruled)


def documents() -> list[Path]:
    """Those that show the table."""
    every = [PACKAGE / "README.md", *sorted((PACKAGE / "docs").glob("*.md"))]
    return [path for path in every if path.is_file() and _TABLE.search(path.read_text(encoding="utf-8"))]


def written(text: str, table: str) -> str:
    """`text` with the table of experiments replaced."""
    return _TABLE.sub(lambda match: f"{match[1]}{table}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", default=EXPERIMENTS, help="default: all")
    parser.add_argument("--write", action="store_true", help="replace the table where it stands")
    chosen = parser.parse_args()
    table = markdown([line(name, row) for name in chosen.experiments for row in build(name)])
    print(f"\n{table}", end="")
    if chosen.write:
        for path in documents():
            path.write_text(written(path.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
