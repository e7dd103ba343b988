"""Lapicque's neurons (snntorch/_neurons/lapicque.py, class Lapicque, release 1.0.0).

    subtract  U = gI + dU₁ − Rθ
    zero      U = (gI + dU₁)(1 − R)     the input is lost too
    none      U = gI + dU₁

with `gain` g = Δt/C and `decay` d = 1 − Δt/(RC), from the attributes R, C and time_step. Given only β the class makes
R = 1 and C = Δt/ln(1/β): d is then 1 − ln(1/β), not β, and a β learned later changes nothing.
"""

from __future__ import annotations

from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import INPUT, THRESHOLD, Equations, ResetMechanism, State, Term, When


def equations(reset: ResetMechanism) -> Equations:
    """Of one Lapicque."""
    when: When = "kept" if reset == "zero" else "always"
    taken = (Term("", THRESHOLD, negative=True, when="reset"),) if reset == "subtract" else ()
    kept = Term("mem", "decay", before=True, when=when)
    return Equations((State("mem", "membrane", (kept, Term(INPUT, "gain", when=when), *taken)),))


def read(given: Given) -> Read:
    resistance, capacity, step = (given.array(name) for name in ("R", "C", "time_step"))
    if (resistance * capacity == 0).any():
        raise given.refusal("R or C is 0, so that nothing is kept of the membrane; give others")
    # in the order in which forward multiplies
    gain = resistance * (1 / (resistance * capacity)) * step
    decay = 1 - step / (resistance * capacity)
    return Read(equations(given.reset), {"decay": decay, "gain": gain, THRESHOLD: given.array(THRESHOLD)})


LAPICQUE = Definition("Lapicque", read, (equations("subtract"),))
