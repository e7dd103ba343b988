"""Every path of the build tree, and nowhere else. Paths are relative to the working directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hlspike

BUILD = Path(os.environ.get("HLSPIKE_BUILD") or "build")
DATABASE = BUILD / ".doit.db"
COMPOSED = BUILD / ".cache"
"""Composed configurations and the identities of tools, by what they depend on."""
HEADERS = BUILD / ".headers"
"""Precompiled headers, one folder per compiler, flags and header package."""
ONLY = "HLSPIKE_VARIANT"
"""Environment variable: the label of the one variant of a sweep that this process builds."""
PACKAGE = Path(__file__).resolve().parent.parent
"""Our own sources: the checkout, or the installed package."""
IMPORTED = Path(hlspike.__file__).resolve().parent.parent
"""Where Python finds `hlspike`: the checkout, or the folder of installed packages."""
CONF = PACKAGE / "conf"
"""The shipped configuration."""
KERNELS = PACKAGE / "hls_src" / "kernels"
BENCH = PACKAGE / "hls_src" / "tb"
BENCH_UNITS = ("harness", "npy", "serve")
PACKAGES = {"ip_catalog": "zip", "xo": "xo", "syn_dcp": "dcp", "sysgen": "zip"}
"""Format of a package → ending of its file."""
PICTURES = {
    "confusion": "Decisions", "spikes": "Spikes of one sequence", "membranes": "Membranes of one sequence",
    "values": "Values and the ranges of their types",
}
"""Pictures of a report → their titles."""


@dataclass(frozen=True)
class Layout:
    """The folder of one variant of a build. Paths that are asked for many times are made once."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def stimulus(self) -> Path:
        return self.root / "stimulus.npz"

    @property
    def state_dict(self) -> Path:
        return self.root / "train" / "state_dict.pt"

    @property
    def untrained(self) -> Path:
        """What tells the parameters apart that training began with."""
        return self.root / "train" / "untrained.json"

    @property
    def parameters(self) -> Path:
        """What tells the parameters apart that the network was read from."""
        return self.root / "parameters.json"

    @property
    def reading(self) -> Path:
        """The layers that were read from the module, and its marker: the network without a decision."""
        return self.root / "reading.json"

    @property
    def network(self) -> Path:
        return self.root / "network.json"

    @property
    def network_key(self) -> Path:
        """What network.json was made from: tells whether its layers are those of the configuration."""
        return self.root / "network.key"

    @property
    def weights(self) -> Path:
        return self.root / "weights.npz"

    @property
    def typed(self) -> Path:
        return self.root / "typed.json"

    @property
    def integers(self) -> Path:
        return self.root / "integers.npz"

    @property
    def design(self) -> Path:
        return self.root / "design.json"

    @property
    def units(self) -> Path:
        return self.root / "units"

    @cache  # noqa: B019 - layouts are few, and live as long as the process
    def unit(self, unit: str) -> Path:
        """What the text of a unit is made of; its arrays are beside it."""
        return self.units / f"{unit}.json"

    @cache  # noqa: B019 - layouts are few, and live as long as the process
    def unit_arrays(self, unit: str) -> Path:
        return self.units / f"{unit}.npz"

    @property
    def firmware(self) -> Path:
        return self.root / "firmware"

    @property
    def bench(self) -> Path:
        return self.root / "tb"

    @property
    def fifos(self) -> Path:
        """The hls_stream.h of C simulation."""
        return self.bench / "bounded"

    @property
    def names(self) -> Path:
        """The ap_int.h and ap_fixed.h of C simulation, for layers that compute on machine integers."""
        return self.bench / "names"

    @property
    def bench_data(self) -> Path:
        return self.bench / "data"

    @cache  # noqa: B019 - layouts are few, and live as long as the process
    def sources(self, unit: str) -> tuple[Path, ...]:
        """The generated files of a unit; the last is the one to compile."""
        if unit == "tb":
            return (self.bench / "tb.cpp",)
        return self.firmware / f"{unit}.h", self.firmware / f"{unit}.cpp"

    def copies(self) -> dict[Path, Path]:
        """Hand-written sources → their copies in the project."""
        kernels = {path: self.firmware / "kernels" / path.name for path in sorted(KERNELS.glob("*.h"))}
        sources = (path for path in sorted(BENCH.rglob("*")) if path.suffix in (".h", ".cpp"))
        bench = {path: self.bench / path.relative_to(BENCH) for path in sources}
        return kernels | bench

    @cache  # noqa: B019 - layouts are few, and live as long as the process
    def compiled(self, unit: str) -> Path:
        return self.root / "csim" / f"{unit}.o"

    @property
    def csim(self) -> Path:
        return self.root / "csim" / "csim"

    @property
    def readme(self) -> Path:
        return self.firmware / "README"

    @property
    def vitis(self) -> Path:
        """Scripts, requests and results of the Vitis stages."""
        return self.root / "vitis"

    def scripts(self, unit: str | None = None) -> Path:
        """Folder of the scripts: of the whole design, or of one layer by itself."""
        return self.vitis / "layers" / unit if unit else self.vitis

    @property
    def cosim_data(self) -> Path:
        return self.vitis / "data"

    def requested(self, stage: str, unit: str | None = None) -> Path:
        """Everything that the result of a stage follows from, but the release of the tool."""
        return self.result(stage, unit) / "request.json"

    def result(self, stage: str, unit: str | None = None) -> Path:
        """Folder of what a stage has left: reports, log, and what they were made from."""
        return self.scripts(unit) / stage

    def results(self, stage: str, unit: str | None, export: str) -> tuple[Path, Path, Path]:
        """The report of a stage, or for export the package; the log; and what they were made from.

        Args:
            export: target.export, the format of the package.
        """
        package = f"snn_top.{PACKAGES[export]}"
        left = {"csynth": "csynth.xml", "cosim": "cosim.rpt", "export": package, "impl": "export_impl.xml"}[stage]
        folder = self.result(stage, unit)
        return folder / left, folder / "vitis.log", folder / "made.json"

    def work(self, unit: str | None = None) -> Path:
        """Where Vitis runs, and its project stays."""
        return self.vitis / "work" / (unit or "design")

    @property
    def figures(self) -> Path:
        return self.vitis / "figures.json"

    @property
    def estimate(self) -> Path:
        return self.root / "estimate.json"

    @property
    def extent(self) -> Path:
        """How far the float run goes."""
        return self.root / "float" / "extent.json"

    @property
    def float_record(self) -> Path:
        """What the module gave, of at least as many sequences as were asked for; nothing is decided from it."""
        return self.root / "float" / "record.npz"

    def trace(self, stage: str) -> Path:
        return self.root / stage / "trace.npz"

    @property
    def spikes(self) -> Path:
        """Layer fed by spikes → in how many timesteps it got none, one, two, …"""
        return self.root / "reference" / "spikes.json"

    @property
    def overflows(self) -> Path:
        return self.root / "reference" / "overflows.json"

    @property
    def report(self) -> Path:
        return self.root / "report.json"

    @property
    def report_text(self) -> Path:
        return self.root / "report.md"

    @property
    def log(self) -> Path:
        return self.root / "log"

    def picture(self, name: str) -> Path:
        return self.root / "pictures" / f"{name}.png"

    @property
    def job(self) -> Path:
        """What became of the job of a sweep that built this variant last."""
        return self.root / "log" / "job.json"

    @property
    def notes(self) -> Path:
        """What is known of the steps' latest runs."""
        return self.root / "log" / "steps.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"
