"""The stand-ins for Vitis HLS: how tests run them, and what they have been asked to do."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from builds import Place, Ran

STAND_INS = Path(__file__).resolve().parent / "stand_ins" / "bin"


def headers() -> str:
    """Folder of AMD's headers."""
    spec = find_spec("hls4ml")
    assert spec is not None and spec.submodule_search_locations
    return str(Path(next(iter(spec.submodule_search_locations)), "templates", "vivado", "ap_types"))


@dataclass(frozen=True)
class Bench:
    """A user's directory on a machine with the stand-ins, which keep a log of what they are asked."""

    place: Place

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{STAND_INS}{os.pathsep}{os.environ['PATH']}", "STAND_IN_LOG": str(self.log),
            "STAND_IN_QUICK": "1", "STAND_IN_HEADERS": headers(), "XILINX_HLS": "", "XILINX_VITIS": "",
        }

    @property
    def log(self) -> Path:
        return self.place.path / "invocations.log"

    def doit(self, *arguments: str, **environment: str) -> Ran:
        return self.place.doit(*arguments, **{**self.environment, **environment})

    def runs(self, *arguments: str, **environment: str) -> list[str]:
        """What the stand-ins did in a command that has to succeed: stage, and of a synthesis its top."""
        self.log.unlink(missing_ok=True)
        ran = self.doit(*arguments, **environment)
        assert ran.code == 0, ran
        return self.done()

    def done(self) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        did = [line.split(" /")[0].split(" ", 1)[1].strip("{}").split(" ")[0] for line in lines]
        return [what for what in did if what != "version"]


def by_hand(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A stand-in run as an engineer would, in `folder`."""
    known = {"STAND_IN_HEADERS": headers(), "HOME": str(folder)}
    return subprocess.run(
        [str(STAND_INS / command[0]), *command[1:]], cwd=folder, env={**os.environ, **known, **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )
