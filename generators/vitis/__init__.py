"""Vitis HLS, as far as it can be had without running it: what it is given, what it says, and what that means."""

from typing import Literal

Stage = Literal["csynth", "cosim", "export", "impl"]
STAGES: tuple[Stage, ...] = ("csynth", "cosim", "export", "impl")
