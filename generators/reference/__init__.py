"""The reference: a TypedNetwork run in exact integers, the oracle that the generated C++ is compared with."""

from generators.reference.blocks import Block
from generators.reference.outcomes import emissions, outcomes, spread
from generators.reference.run import Reference, ReferenceRun, run_reference
from generators.reference.tally import Overflow

__all__ = ["Block", "Overflow", "Reference", "ReferenceRun", "emissions", "outcomes", "run_reference", "spread"]
