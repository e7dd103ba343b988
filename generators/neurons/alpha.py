"""Neurons whose response to an input is an alpha function (snntorch/_neurons/alpha.py, class Alpha, release 1.0.0).

    E' = αE₁ + I,  H' = βH₁ − I,  U' = τ(E' + H'),  τ = ln α / (ln β − ln α) + 1

    subtract  E = E' − Rθ,  H = H'(1 − R),  U = U' + RH₁
    zero      each of E', H', U' times 1 − R
    none      E = E', H = H', U = U'

The membrane keeps nothing of itself. E and H are the excitatory and the inhibitory current; `tau` is a parameter of its
own, formed of α and β as they are trained.
"""

from __future__ import annotations

import numpy as np

from hlspike.generators.neurons.definition import Definition, Given, Read
from hlspike.generators.neurons.equations import INPUT, THRESHOLD, Equations, ResetMechanism, State, Term, When


def equations(reset: ResetMechanism) -> Equations:
    """Of one Alpha."""
    if reset == "subtract":
        # the membrane takes the currents as they are before their resets, and the inhibitory one of the last timestep
        exc = Term("exc"), Term("", THRESHOLD, negative=True, when="reset")
        inh = (Term("inh", when="kept"),)
        mem = Term("exc", "tau"), Term("inh", "tau"), Term("syn_inh", before=True, when="reset")
        return Equations((
            State("exc", "synaptic", _excitatory("always"), held=False),
            State("inh", "synaptic", _inhibitory("always"), held=False),
            State("syn_exc", "synaptic", exc), State("syn_inh", "synaptic", inh), State("mem", "membrane", mem),
        ))
    when: When = "kept" if reset == "zero" else "always"
    return Equations((
        State("syn_exc", "synaptic", _excitatory(when)),
        State("syn_inh", "synaptic", _inhibitory(when)),
        State("mem", "membrane", (Term("syn_exc", "tau", when=when), Term("syn_inh", "tau", when=when))),
    ))


def _excitatory(when: When) -> tuple[Term, ...]:
    return Term("syn_exc", "alpha", before=True, when=when), Term(INPUT, when=when)


def _inhibitory(when: When) -> tuple[Term, ...]:
    return Term("syn_inh", "beta", before=True, when=when), Term(INPUT, negative=True, when=when)


def read(given: Given) -> Read:
    alpha, beta = given.clamped("alpha"), given.clamped("beta")
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = np.log(alpha) / (np.log(beta) - np.log(alpha)) + 1
    if not np.isfinite(tau).all():
        raise given.refusal("tau, ln α / (ln β − ln α) + 1, is no finite number; give an alpha above beta, and above 0")
    parameters = {"alpha": alpha, "beta": beta, "tau": tau, THRESHOLD: given.array(THRESHOLD)}
    return Read(equations(given.reset), parameters)


ALPHA = Definition("Alpha", read, (equations("subtract"),), arguments=("syn_exc", "syn_inh", "mem"))
