"""From a trained spiking network to a verified FPGA design, rebuilt only where it changed.

    import hlspike

    made = hlspike.build(["precision=w6"])
    made.report, made.trace("csim"), made.predict(frames)

What is installed is this package with everything below it. In a checkout its folders stand at the top, and links lead
there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hlspike.generators.readout import SNNReadout
    from hlspike.tasks.api import Build, build

__all__ = ["Build", "SNNReadout", "build"]


def __getattr__(name: str) -> Any:
    # on demand: a build with nothing to do must pay neither for torch nor for the Python interface
    if name == "SNNReadout":
        from hlspike.generators import readout

        return readout.SNNReadout
    if name in ("build", "Build"):
        from hlspike.tasks import api

        return getattr(api, name)
    raise AttributeError(f"module 'hlspike' has no attribute '{name}'")
