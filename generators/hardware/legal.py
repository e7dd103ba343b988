"""What may be asked for: reuse factors that divide the work, storage that can hold it.

What is named for one layer has to be legal, else the nearest that is legal is told. What comes from a type or the model
gives way to it, and the layer's report says so.
"""

from __future__ import annotations

from collections.abc import Callable

from hlspike.generators.errors import ConfigError
from hlspike.generators.hardware.limits import BANKS
from hlspike.generators.hardware.storage import Asked
from hlspike.generators.hardware.strategy import Strategy
from hlspike.generators.precision.resolve import Choice


def reuse_factor(
    asked: Choice, name: str, work: int, unit: str, crowded: Callable[[int], str], warnings: list[str], inputs: int = 1
) -> int:
    """The reuse factor for `work` units: as asked if it is legal, else the nearest that is.

    Args:
        crowded: of a factor that divides the work, what it leaves too much of at once; see `limits.crowded`.
        inputs: that are taken one at a time, as by strategy event; the factor is a multiple of them.
    """
    legal = [factor for factor in divisors(work) if factor % inputs == 0 and not crowded(factor)]
    if asked.value in legal:
        return int(asked.value)
    below = [factor for factor in legal if factor < asked.value]
    above = [factor for factor in legal if factor > asked.value]
    nearest = min(legal, key=lambda factor: (abs(factor - asked.value), factor))
    if asked.named:
        choices = " and ".join(str(factor) for factor in (below[-1:] + above[:1]))
        reason = "does not divide" if work % asked.value else (
            f"is no multiple of the {inputs} inputs, which event takes one at a time, of" if asked.value % inputs else
            f"leaves more than {crowded(asked.value)} at once for"
        )
        raise ConfigError(
            f"{asked.where}: {asked.value} {reason} the {work} {unit} of layer '{name}'; the nearest legal "
            f"{'values are' if ' and ' in choices else 'value is'} {choices}"
        )
    one_by_one = f" of {inputs} inputs, taken one at a time" if inputs > 1 else ""
    warnings.append(f"reuse_factor: {asked.value} is not legal for {work} {unit}{one_by_one}, moved to {nearest}")
    return nearest


def divisors(number: int, most: int | None = None) -> list[int]:
    small = [factor for factor in range(1, int(number**0.5) + 1) if number % factor == 0]
    return sorted(factor for factor in {*small, *(number // factor for factor in small)} if factor <= (most or number))


def strategy(asked: Choice, rule: str, remedy: str, warnings: list[str]) -> Strategy:
    """The strategy asked for, unless a layer breaks its `rule`.

    Args:
        remedy: beside dense; may be empty.
    """
    if not rule:
        return asked.value  # type: ignore[no-any-return]
    if asked.named:
        remedy = f"{remedy}, or write dense" if remedy else "write dense"
        raise ConfigError(f"{asked.where}: {rule}, found {asked.value}; {remedy}")
    warnings.append(f"strategy: {rule}, moved from {asked.value} to dense")
    return "dense"


def storage(asked: Choice, name: str, what: str, values: int, constant: bool, warnings: list[str]) -> Asked:
    """What is asked for `values` values of layer `name`, if they can lie there.

    Args:
        what: they are.
        constant: whether they are known when the hardware is built.
    """
    rule = ""
    if asked.value == "uram" and constant:
        # AMD UG573, "UltraRAM Resources"; as block RAM it has other sizes
        rule, near = f"ultra RAM cannot begin with values, and {what} are constants", "bram"
    elif asked.value == "registers" and values > BANKS:
        rule, near = f"at most {BANKS} values can be registers, and there are {values} {what}", "lutram"
    if not rule:
        return asked.value  # type: ignore[no-any-return]
    if asked.named:
        raise ConfigError(f"{asked.where}: {rule} in layer '{name}', found {asked.value}; write {near}")
    warnings.append(f"storage: {rule}, moved from {asked.value} to auto")
    return "auto"
