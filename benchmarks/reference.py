"""Speed of the reference beside snnTorch, in timesteps per CPU-second, and what long sequences cost.

    python benchmarks/reference.py [--sequences N] [--rounds R] [--threads K]

The four networks of `benchmarks/csim.py` on 25-step sequences with 30 % of the input spiking: the reference in exact
integers, overflows counted, against the same network in snnTorch, float32, in batches of 256 without gradients. Both
get K threads for their matrix products. Runs take turns and the fastest of each counts, since other work on the machine
slows either. The last columns are the reference on 64 sequences of 1,000 timesteps, and how much faster a timestep of
them is than one of 64 sequences of 25.
"""

from __future__ import annotations

import argparse
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from hlspike.generators.stimulus import Stimulus

LONG, LONG_SEQUENCES, BATCH = 1000, 64, 256


def cpu(action: Callable[[], Any]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    action()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def layers(sizes: tuple[int, ...], parameters: dict[str, Any]) -> list[nn.Module]:
    """The network of `csim.network` in snnTorch."""
    import snntorch
    import torch
    from torch import nn

    made: list[nn.Module] = []
    for number, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        linear = nn.Linear(n_in, n_out)
        linear.load_state_dict({key: torch.tensor(parameters[f"fc{number}/{key}"]) for key in ("weight", "bias")})
        made += [linear, snntorch.Leaky(beta=0.9)]
    return made


def run_snntorch(made: list[nn.Module], stimulus: Stimulus) -> None:
    import snntorch
    import torch

    with torch.no_grad():
        for first in range(0, len(stimulus), BATCH):
            frames = torch.from_numpy(stimulus.frames[first : first + BATCH])
            mems = [layer.init_leaky() if isinstance(layer, snntorch.Leaky) else None for layer in made]
            counts = torch.zeros(())
            for t in range(frames.shape[1]):
                values = frames[:, t]
                for place, layer in enumerate(made):
                    if mems[place] is None:
                        values = layer(values)
                    else:
                        values, mems[place] = layer(values, mems[place])
                counts = counts + values
            counts.argmax(1)


def measure(sizes: tuple[int, ...], sequences: int, rounds: int) -> list[str]:
    import csim

    from hlspike.generators.quantize import quantize
    from hlspike.generators.reference import run_reference

    parameters, short = csim.parameters(csim.network(sizes)), csim.spikes(sequences, sizes[0])
    long, few = csim.spikes(LONG_SEQUENCES, sizes[0], LONG), short.head(LONG_SEQUENCES)
    made = layers(sizes, parameters)

    def reference(stimulus: Stimulus) -> Callable[[], Any]:
        net = csim.network(sizes)
        net = replace(net, layers=(replace(net.input, window_size=stimulus.frames.shape[1]), *net.layers[1:]))
        quantized = quantize(net, parameters, csim.HLS, stimulus.head(4))
        return lambda: run_reference(quantized.typed, quantized.integers, stimulus)

    actions = (reference(short), lambda: run_snntorch(made, short), reference(long), reference(few))
    taken = [min(times) for times in zip(*([cpu(action) for action in actions] for _ in range(rounds)), strict=True)]
    ours, theirs, lengthy, brief = (
        stimulus.timesteps / seconds for stimulus, seconds in zip((short, short, long, few), taken, strict=True)
    )
    return [
        "-".join(map(str, sizes)), f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}", f"{lengthy:,.0f}",
        f"{lengthy / brief:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    # read when NumPy is imported
    os.environ["OPENBLAS_NUM_THREADS"] = str(chosen.threads)
    import csim
    import torch

    torch.set_num_threads(chosen.threads)
    rows = [["network", "reference", "snnTorch", "ratio", f"reference, T = {LONG}", f"T = {LONG} / T = 25"]]
    for sizes in csim.SIZES:
        rows.append(measure(sizes, chosen.sequences, chosen.rounds))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    core = os.environ.get("OPENBLAS_CORETYPE")
    print(f"\ntimesteps per CPU-second; {chosen.threads} threads; OPENBLAS_CORETYPE {core or 'not set'}")


if __name__ == "__main__":
    main()
