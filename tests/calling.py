"""A call of a user's data.py as a build makes it, in a child of the prepared process, but without a build around it."""

from __future__ import annotations

from pathlib import Path

from hlspike.tasks.archives.arrays import read_npz
from hlspike.tasks.engine import states
from hlspike.tasks.inputs import prepared

FRAMES = "return {'frames': np.ones((2, 3, 4))}"


def call(body: str, before: str = "") -> dict[str, states.State]:
    """The inputs of a stimulus that a function of that body makes in the working directory.

    Args:
        body: its lines; unless one returns, it ends with `FRAMES`.
        before: lines above the function.
    """
    lines = "\n    ".join([*body.splitlines(), FRAMES])
    Path("data.py").write_text(f"import os, sys\nimport numpy as np\n{before}\n\ndef stimulus(seed):\n    {lines}\n")
    return run("data.py:stimulus")


def run(source: str) -> dict[str, states.State]:
    """The inputs of the stimulus that `source` names."""
    given = {"source": source, "kwargs": {}}
    return prepared.call(
        "hlspike.tasks.inputs.calls:stimulus",
        {"data": given, "input_shape": [4], "number": 0, "out": f"{Path.cwd()}/build/x/stimulus.npz"},
    )


def value() -> float:
    """The first number of the latest stimulus."""
    return float(read_npz("build/x/stimulus.npz")["frames"].flat[0])
