"""What the C++ of a layer costs to write: CPU-seconds per million weights, the least of some runs, and its bytes.

    python benchmarks/generate.py [--runs N]

A layer of 1,000 × 1,000 weights at several widths, in one loop of one iteration and of 1,000.
"""

from __future__ import annotations

import argparse
import resource
from functools import partial
from itertools import product
from typing import Any

import csim

from hlspike.generators.emit import emit
from hlspike.generators.hardware.units import slices
from hlspike.generators.quantize import quantize
from hlspike.generators.schedule import schedule

SIZES = (1000, 1000)
WEIGHTS = SIZES[0] * SIZES[1]
TYPES = ("ap_fixed<4,1>", "ap_fixed<8,2>", "ap_fixed<16,4>", "ap_fixed<32,8>")
REUSE = (1, 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    net = csim.network(SIZES)
    parameters, stimulus = csim.parameters(net), csim.spikes(4, SIZES[0])
    for weight, reuse in product(TYPES, REUSE):
        linear = {"precision": {"weight": weight}, "reuse_factor": reuse}
        hls: dict[str, Any] = {**csim.HLS, "types": {"Linear": linear}}
        quantized = quantize(net, parameters, hls, stimulus)
        design = schedule(quantized.typed, quantized.integers, hls, "parallel")
        write = partial(emit, "fc1", *slices(design)["fc1"])
        taken = [csim.cpu(write, resource.RUSAGE_SELF) for _ in range(chosen.runs)]
        seconds = min(seconds for seconds, _ in taken) * 1e6 / WEIGHTS
        size = sum(map(len, taken[0][1].values()))
        print(f"{weight:15} reuse_factor {reuse:4}: {seconds:.3f} CPU-s per million weights, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
