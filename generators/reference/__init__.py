"""The reference: a TypedNetwork run in exact integers, the oracle that the generated C++ is compared with."""

from hlspike.generators.reference.blocks import Block
from hlspike.generators.reference.outcomes import emissions, outcomes, spread
from hlspike.generators.reference.run import Reference, ReferenceRun, run_reference
from hlspike.generators.reference.tally import Overflow

__all__ = ["Block", "Overflow", "Reference", "ReferenceRun", "emissions", "outcomes", "run_reference", "spread"]
