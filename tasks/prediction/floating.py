"""The user's module on new sequences, and where the reference parts from it first."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlspike.generators.compare import agreement
from hlspike.generators.decided import Readings
from hlspike.generators.extent import Extent
from hlspike.generators.reference import outcomes, run_reference
from hlspike.generators.stimulus import Stimulus
from hlspike.generators.typed import Integers, TypedNetwork
from hlspike.tasks.archives import columns
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import graph
from hlspike.tasks.inputs import prepared
from hlspike.tasks.system import files


@dataclass(frozen=True, slots=True)
class Module:
    """The user's module as it was built, to be run again.

    Attributes:
        home: the working directory of the build, where its source is.
        arguments: of `tasks.inputs.calls.run_float` that do not depend on the sequences; files are copies.
    """

    home: str
    arguments: Mapping[str, Any]

    @staticmethod
    def of(variant: Variant, folder: Path) -> Module:
        """Copies into `folder` what another build would change."""
        given, layout = graph.extraction(variant), variant.layout
        copies = {"reading": layout.reading, "parameters": layout.parameters}
        state = graph.state_file(variant)
        if variant.config["model"]["train"] is not None:
            copies["state"] = layout.state_dict
        for name, path in copies.items():
            shutil.copyfile(path, folder / name)
        return Module(str(Path.cwd()), {
            "model": given["model"], "number": given["seed"], "state": state,
            **{name: str(folder / name) for name in copies},
        })

    def run(self, typed: TypedNetwork, integers: Integers, played: Stimulus) -> dict[str, Any]:
        """The `agreement` of float and reference on `played`, as in a report.

        Raises:
            HlspikeError: the module cannot be run, or is another than the one that was built.
        """
        network = typed.network
        with tempfile.TemporaryDirectory(prefix="hlspike-") as name:
            folder = Path(name).resolve()
            columns.write(folder / "stimulus.npz", played.to_arrays())
            run = Extent(network.input.reset_policy, network.input.window_size, len(played))
            files.write_json(folder / "extent.json", run.to_json())
            prepared.call("hlspike.tasks.inputs.calls:run_float", {
                **self.arguments, "trace": "spikes", "stimulus": str(folder / "stimulus.npz"),
                "extent": str(folder / "extent.json"), "out": str(folder / "record.npz"),
            }, self.home)
            record = columns.held(columns.read(folder / "record.npz"))
        done = run_reference(typed, integers, played, "spikes")
        floating, exact = dict(record), dict(done.trace)
        if network.readout is not None:
            floating |= Readings(network, network.readout, False).of(record["output"], played.lengths)
            exact |= outcomes(typed, done.emitted, played.lengths, played.frames.shape[1])
        return agreement(typed, integers, played, floating, exact, done.overflows)
