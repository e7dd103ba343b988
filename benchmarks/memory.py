"""Peak memory of a build, and the size of its archives: every process counts, the largest is told.

    python benchmarks/memory.py [--sequences N] [--timesteps T] [--trace decisions|spikes|states]

Builds 784-128-10 on random spikes from nothing, without a cache. Processes are watched while they run, on Linux: one
that nobody waits for is in no one's account. The sequences that the user's own code makes, float32, are N·T·784·4 bytes
by themselves (627 MB for 2,000 sequences of 100): the step that makes them can take no less.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = """
import numpy as np
import snntorch as snn
from torch import nn

def build():
    return nn.Sequential(nn.Linear(784, 128), snn.Leaky(beta=0.9, init_hidden=True),
                         nn.Linear(128, 10), snn.Leaky(beta=0.9, init_hidden=True))

def stimulus(*, seed, sequences, timesteps):
    chance = np.random.default_rng(seed)
    frames = np.empty((sequences, timesteps, 784), np.float32)
    for sequence in frames:
        sequence[:] = chance.random(sequence.shape, np.float32) < 0.1
    return {"frames": frames}
"""
CONFIG = """
defaults: [readout: spike_count, precision: w8, reuse: default, target: default, _self_]
name: memory
model: {{source: network.py:build, input_shape: [784]}}
data: {{source: network.py:stimulus, kwargs: {{sequences: {sequences}, timesteps: {timesteps}}}}}
sim: {{trace: {trace}}}
cache: {{enabled: false}}
hls: {{layers: {{input: {{precision: {{result: ap_uint<1>}}}}}}}}
"""


def watched(command: list[str], folder: Path) -> tuple[int, dict[str, int]]:
    """Run `command` in `folder`: its exit code, and name → peak resident bytes of every kind of process it began."""
    mark = f"HLSPIKE_WATCHED={uuid.uuid4()}"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    name, _, value = mark.partition("=")
    peaks: dict[str, int] = {}
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": path, name: value}) as process:
        while process.poll() is None:
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    if mark.encode() in (place / "environ").read_bytes():
                        told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
                        peak = int(told["VmHWM"].split()[0]) * 1024
                        kind = f"{told['Name'].strip()} {place.name}"
                        peaks[kind] = max(peaks.get(kind, 0), peak)
                except (OSError, KeyError):
                    continue  # it has ended
            time.sleep(0.02)
    return process.returncode, peaks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--timesteps", type=int, default=100)
    parser.add_argument("--trace", choices=("decisions", "spikes", "states"), default="states")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conf").mkdir()
        (folder / "network.py").write_text(MODEL)
        (folder / "conf" / "config.yaml").write_text(CONFIG.format(**vars(chosen)))
        started = time.perf_counter()
        command = [sys.executable, "-m", "doit", "-f", str(ROOT / "tasks" / "dodo.py"), "-d", ".", "build"]
        code, peaks = watched(command, folder)
        build = folder / "build" / "memory"
        print(f"peak of a process: {max(peaks.values()) / 1e6:.0f} MB; {time.perf_counter() - started:.0f} s")
        for name, peak in sorted(peaks.items(), key=lambda item: -item[1])[:5]:
            print(f"  {name}: {peak / 1e6:.0f} MB")
        for file in (build / "stimulus.npz", *sorted(build.glob("*/trace.npz")), build / "tb" / "data" / "input.npy"):
            if file.is_file():
                print(f"{file.relative_to(build)}: {file.stat().st_size / 1e6:.1f} MB")
    return code


if __name__ == "__main__":
    sys.exit(main())
