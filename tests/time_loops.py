"""Networks as people write them: the whole loop over time in forward, in the style of the snnTorch tutorials.

Parameters are multiples of 1/8, β 1/2 or 3/4: in a few timesteps nothing is rounded, in float32 either.
"""

# ruff: noqa: B007, RUF059 - as people write them
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import snntorch as snn
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone uses
from snntorch import utils
from torch import nn

STEPS = 6
"""Of loops that run as many as they are given."""
num_steps = 5
batch_size = 4

Forward = Callable[..., Any]


class Base(nn.Module):
    """fc1 → lif1 → fc2 → lif2; `forward` is what differs."""

    inputs, hidden, outputs = 6, 8, 3

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.num_steps = num_steps
        self.fc1 = nn.Linear(self.inputs, self.hidden)
        self.lif1 = snn.Leaky(beta=0.75, **options)
        self.fc2 = nn.Linear(self.hidden, self.outputs)
        self.lif2 = snn.Leaky(beta=0.5, **options)


@dataclass(frozen=True)
class Loop:
    """A module, and how its forward takes frames.

    Attributes:
        axis: of time among batch, features and time; None for one frame.
        steps: timesteps that it runs, None for as many as it is given.
        layers: as they are read.
        output: what leaves the last layer.
    """

    build: Callable[[], nn.Module]
    axis: int | None
    steps: int | None
    layers: tuple[str, ...] = ("fc1", "lif1", "fc2", "lif2")
    shape: tuple[int, ...] = (6,)
    output: str = "spikes"


def of(forward: Forward, **options: Any) -> Callable[[], nn.Module]:
    """A `Base` with this forward."""
    return lambda: type("Net", (Base,), {"forward": forward})(**options)


def hidden(forward: Forward, **options: Any) -> Callable[[], nn.Module]:
    return of(forward, init_hidden=True, **options)


def tutorial_5(self, x):
    mem1 = self.lif1.init_leaky()
    mem2 = self.lif2.init_leaky()
    spk2_rec = []
    mem2_rec = []
    for step in range(num_steps):
        cur1 = self.fc1(x)
        spk1, mem1 = self.lif1(cur1, mem1)
        cur2 = self.fc2(spk1)
        spk2, mem2 = self.lif2(cur2, mem2)
        spk2_rec.append(spk2)
        mem2_rec.append(mem2)
    return torch.stack(spk2_rec, dim=0), torch.stack(mem2_rec, dim=0)


def reset_mem_over_frames(self, x):
    mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
    spikes, mems = [], []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        spikes.append(spk2)
        mems.append(mem2)
    return torch.stack(spikes), torch.stack(mems)


def fixed_frames(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def batch_first(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.shape[1]):
        spk1, mem1 = self.lif1(self.fc1(x[:, step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out, dim=1)


def batch_first_sliced(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.shape[1]):
        spk1, mem1 = self.lif1(self.fc1(x[:, step, :]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out, 1).sum(1)


def time_last(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.size(-1)):
        spk1, mem1 = self.lif1(self.fc1(x[..., step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out, dim=-1)


def time_last_fixed(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x[:, :, step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out, dim=-1)


def zeros_as_states(self, x):
    mem1 = torch.zeros(x.size(0), self.hidden, device=x.device)
    mem2 = torch.zeros((x.size(0), self.outputs))
    out = []
    for t in range(x.size(1)):
        spk1, mem1 = self.lif1(self.fc1(x[:, t]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def zeros_like_as_states(self, x):
    mem1 = mem2 = None
    total = 0
    for frame in x:
        cur = self.fc1(frame)
        if mem1 is None:
            mem1 = torch.zeros_like(cur)
        spk1, mem1 = self.lif1(cur, mem1)
        cur = self.fc2(spk1)
        if mem2 is None:
            mem2 = cur.new_zeros(cur.shape)
        spk2, mem2 = self.lif2(cur, mem2)
        total = total + spk2
    return total


def counted(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    counts = torch.zeros(x.size(1), self.outputs)
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        counts += spk2
    return counts


def averaged(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out).mean(dim=0)


def rate_of_a_sum(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return sum(out) / self.num_steps


def last_of_both(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
    return spk2, mem2


def last_membrane(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
    return mem2


def everything_in_a_dict(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    rec = {"spk1": [], "spk2": [], "mem2": []}
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        rec["spk1"].append(spk1)
        rec["spk2"].append(spk2)
        rec["mem2"].append(mem2)
    return {key: torch.stack(value) for key, value in rec.items()}


def list_of_spikes(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for frame in x.unbind(0):
        spk1, mem1 = self.lif1(self.fc1(frame), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return out


def concatenated(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for t in range(x.size(1)):
        spk1, mem1 = self.lif1(self.fc1(x[:, t]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2.unsqueeze(1))
    return torch.cat(out, dim=1)


def kept_by_neurons(self, x):
    utils.reset(self)
    out = []
    for step in range(x.size(0)):
        out.append(self.lif2(self.fc2(self.lif1(self.fc1(x[step])))))
    return torch.stack(out)


def kept_with_output(self, x):
    utils.reset(self)
    spikes, mems = [], []
    for step in range(self.num_steps):
        spk1, _ = self.lif1(self.fc1(x))
        spk2, mem2 = self.lif2(self.fc2(spk1))
        spikes.append(spk2)
        mems.append(mem2)
    return torch.stack(spikes), torch.stack(mems)


def kept_and_read(self, x):
    self.lif1.reset_mem()
    self.lif2.reset_mem()
    spikes, mems = [], []
    for step in range(x.size(0)):
        spikes.append(self.lif2(self.fc2(self.lif1(self.fc1(x[step])))))
        mems.append(self.lif2.mem)
    return torch.stack(spikes), torch.stack(mems)


def reset_by_the_caller(self, x):
    return torch.stack([self.lif2(self.fc2(self.lif1(self.fc1(x[:, t])))) for t in range(x.shape[1])])


def reset_by_class(self, x):
    snn.Leaky.reset_hidden()
    return torch.stack([self.lif2(self.fc2(self.lif1(self.fc1(frame)))) for frame in x])


def permuted_first(self, x):
    x = x.permute(1, 0, 2)
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def hoisted(self, x):
    cur = self.fc1(x)
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(cur[step], mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def hoisted_constant(self, x):
    cur = self.fc1(x.view(x.size(0), -1))
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(cur, mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def layer_by_layer(self, x):
    mem = self.lif1.init_leaky()
    first = []
    for step in range(x.size(0)):
        spk, mem = self.lif1(self.fc1(x[step]), mem)
        first.append(spk)
    first = torch.stack(first)
    mem = self.lif2.init_leaky()
    second = []
    for step in range(first.size(0)):
        spk, mem = self.lif2(self.fc2(first[step]), mem)
        second.append(spk)
    return torch.stack(second)


def training_only(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        cur = self.fc1(x)
        if self.training:
            cur = cur + torch.randn_like(cur)
        spk1, mem1 = self.lif1(F.dropout(cur, 0.5, self.training), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    if self.training:
        return torch.stack(out), mem1
    return torch.stack(out)


def truncated(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step].float()), mem1.detach())
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2.detach().clone())
        out.append(spk2)
    return torch.stack(out)


def classes(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return F.log_softmax(torch.stack(out).sum(0), dim=-1)


def states_as_optional_arguments(self, x, mem1=None, mem2=None):
    if mem1 is None:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out), mem1, mem2


def unflattened(self, x):
    x = x.flatten(2)
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(x.shape[0]):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


def image(self, x):
    mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
    out = []
    for step in range(self.num_steps):
        spk1, mem1 = self.lif1(self.fc1(x.flatten(1)), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        out.append(spk2)
    return torch.stack(out)


class Currents(Base):
    """Ends with a Linear, whose currents are summed."""

    def forward(self, x):
        mem1 = self.lif1.init_leaky()
        out = []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            out.append(self.fc2(spk1))
        return torch.stack(out).sum(0)


class HeadAfterwards(Base):
    """The last Linear takes the spikes of all timesteps at once."""

    def forward(self, x):
        mem1 = self.lif1.init_leaky()
        out = []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            out.append(spk1)
        return self.fc2(torch.stack(out))


class Regression(Base):
    """The membrane of a neuron without reset is what is regressed."""

    def __init__(self) -> None:
        super().__init__()
        self.lif2 = snn.Leaky(beta=0.75, reset_mechanism="none")

    def forward(self, x):
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        mems = []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            _, mem2 = self.lif2(self.fc2(spk1), mem2)
            mems.append(mem2)
        return torch.stack(mems)


class TwoHeads(Base):
    """A second head, which nothing that is returned rests on."""

    def __init__(self) -> None:
        super().__init__()
        self.fc3, self.lif3 = nn.Linear(self.hidden, 2), snn.Leaky(beta=0.5)

    def forward(self, x):
        mem1, mem2, mem3 = self.lif1.init_leaky(), self.lif2.init_leaky(), self.lif3.init_leaky()
        out, other = [], []
        for step in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spk3, mem3 = self.lif3(self.fc3(spk1), mem3)
            out.append(spk2)
            other.append(spk3)
        return torch.stack(out)


class Step(Base):
    """One timestep: states in and out."""

    def forward(self, x, mem1, mem2):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return spk2, mem1, mem2


class Around(nn.Module):
    """Loops over a module that is a timestep."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Step()

    def forward(self, x):
        mem1, mem2 = self.cell.lif1.init_leaky(), self.cell.lif2.init_leaky()
        out = []
        for t in range(x.size(1)):
            spk, mem1, mem2 = self.cell(x[:, t], mem1, mem2)
            out.append(spk)
        return torch.stack(out, 1)


class AroundSequential(nn.Module):
    """Loops over an nn.Sequential whose neurons keep their states."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(6, 8), snn.Leaky(beta=0.75, init_hidden=True), nn.Dropout(0.2),
            nn.Linear(8, 3), snn.Leaky(beta=0.5, init_hidden=True, output=True),
        )

    def forward(self, data):
        spk_rec = []
        utils.reset(self.net)
        for step in range(data.size(0)):
            spk_out, mem_out = self.net(data[step])
            spk_rec.append(spk_out)
        return torch.stack(spk_rec)


class Blocks(nn.Module):
    """Layers in ModuleLists, states in a list."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (6, 8, 5, 3)
        self.fcs = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))
        self.lifs = nn.ModuleList(snn.Leaky(beta=0.5, threshold=0.5) for _ in self.fcs)

    def forward(self, x):
        mems = [lif.init_leaky() for lif in self.lifs]
        out = []
        for t in range(x.shape[1]):
            h = x[:, t]
            for i, (fc, lif) in enumerate(zip(self.fcs, self.lifs, strict=True)):
                h, mems[i] = lif(fc(h), mems[i])
            out.append(h)
        return torch.stack(out, 1)


class Block(nn.Module):
    """A layer with a loop of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(inputs, outputs), snn.Leaky(beta=0.5)

    def forward(self, x):
        mem = self.lif.init_leaky()
        out = []
        for step in range(x.size(0)):
            spk, mem = self.lif(self.fc(x[step]), mem)
            out.append(spk)
        return torch.stack(out, 0)


class Stacked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Block(6, 8), Block(8, 3)

    def forward(self, x):
        return self.second(self.first(x)).sum(0)


class StatesInSelf(Base):
    def forward(self, x):
        self.mem1, self.mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        self.record = []
        for step in range(x.size(0)):
            self.step(x[step])
        return torch.stack(self.record)

    def step(self, frame):
        spk1, self.mem1 = self.lif1(self.fc1(frame), self.mem1)
        spk2, self.mem2 = self.lif2(self.fc2(spk1), self.mem2)
        self.record.append(spk2)


class Synaptic(Base):
    def __init__(self) -> None:
        super().__init__()
        self.lif1, self.lif2 = snn.Synaptic(alpha=0.5, beta=0.75), snn.Synaptic(alpha=0.5, beta=0.5)

    def forward(self, x):
        syn1, mem1 = self.lif1.init_synaptic()
        syn2, mem2 = self.lif2.init_synaptic()
        spikes, mems = [], []
        for step in range(self.num_steps):
            spk1, syn1, mem1 = self.lif1(self.fc1(x[step]), syn1, mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
            spikes.append(spk2)
            mems.append(mem2)
        return torch.stack(spikes, dim=0), torch.stack(mems, dim=0)


LOOPS: dict[str, Loop] = {
    "tutorial_5": Loop(of(tutorial_5), None, num_steps),
    "reset_mem_over_frames": Loop(of(reset_mem_over_frames), 0, None),
    "fixed_frames": Loop(of(fixed_frames), 0, num_steps),
    "batch_first": Loop(of(batch_first), 1, None),
    "batch_first_sliced": Loop(of(batch_first_sliced), 1, None),
    "time_last": Loop(of(time_last), -1, None),
    "time_last_fixed": Loop(of(time_last_fixed), -1, num_steps),
    "zeros_as_states": Loop(of(zeros_as_states), 1, None),
    "zeros_like_as_states": Loop(of(zeros_like_as_states), 0, None),
    "counted": Loop(of(counted), 0, None),
    "averaged": Loop(of(averaged), None, num_steps),
    "rate_of_a_sum": Loop(of(rate_of_a_sum), None, num_steps),
    "last_of_both": Loop(of(last_of_both), 0, num_steps),
    "last_membrane": Loop(of(last_membrane), 0, num_steps),
    "everything_in_a_dict": Loop(of(everything_in_a_dict), 0, None),
    "list_of_spikes": Loop(of(list_of_spikes), 0, None),
    "concatenated": Loop(of(concatenated), 1, None),
    "kept_by_neurons": Loop(hidden(kept_by_neurons), 0, None),
    "kept_with_output": Loop(hidden(kept_with_output, output=True), None, num_steps),
    "kept_and_read": Loop(hidden(kept_and_read), 0, None),
    "reset_by_the_caller": Loop(hidden(reset_by_the_caller), 1, None),
    "reset_by_class": Loop(hidden(reset_by_class), 0, None),
    "permuted_first": Loop(of(permuted_first), 1, None),
    "hoisted": Loop(of(hoisted), 0, None),
    "hoisted_constant": Loop(of(hoisted_constant), None, num_steps),
    "layer_by_layer": Loop(of(layer_by_layer), 0, None),
    "training_only": Loop(of(training_only), None, num_steps),
    "truncated": Loop(of(truncated), 0, None),
    "classes": Loop(of(classes), None, num_steps),
    "states_as_optional_arguments": Loop(of(states_as_optional_arguments), 0, None),
    "unflattened": Loop(of(unflattened), 0, None, shape=(1, 2, 3)),
    "image": Loop(of(image), None, num_steps, shape=(1, 2, 3)),
    "zero_reset": Loop(of(reset_mem_over_frames, reset_mechanism="zero"), 0, None),
    "no_delay": Loop(of(tutorial_5, reset_delay=False), None, num_steps),
    "per_neuron": Loop(of(batch_first, threshold=torch.tensor(0.5), learn_threshold=True), 1, None),
    "currents": Loop(Currents, 0, None, ("fc1", "lif1", "fc2"), output="currents"),
    "head_afterwards": Loop(HeadAfterwards, 0, None, ("fc1", "lif1", "fc2"), output="currents"),
    "regression": Loop(Regression, 0, None, ("fc1", "lif1", "fc2"), output="currents"),
    "two_heads": Loop(TwoHeads, 0, None),
    "around": Loop(Around, 1, None, ("cell.fc1", "cell.lif1", "cell.fc2", "cell.lif2")),
    "around_sequential": Loop(AroundSequential, 0, None, ("net.0", "net.1", "net.3", "net.4")),
    "blocks": Loop(Blocks, 1, None, ("fcs.0", "lifs.0", "fcs.1", "lifs.1", "fcs.2", "lifs.2")),
    "stacked": Loop(Stacked, 0, None, ("first.fc", "first.lif", "second.fc", "second.lif")),
    "states_in_self": Loop(StatesInSelf, 0, None),
    "synaptic": Loop(Synaptic, 0, num_steps),
}


def made(name: str) -> nn.Module:
    """The module of that name, with parameters of few bits."""
    torch.manual_seed(3)
    module = LOOPS[name].build().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim:
                parameter.copy_(torch.round(parameter * 40 + 1) / 8)
    return module
