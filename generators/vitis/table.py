"""<top>_cosim.rpt: the table of a co-simulation."""

from __future__ import annotations

from collections.abc import Iterator

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.fields import AGAIN, UNKNOWN, number
from hlspike.generators.vitis.log import transactions_of
from hlspike.generators.vitis.report import Simulation, Span, SynthesisReport


def simulated(text: str, name: str, log: str) -> SynthesisReport:
    """The table of <top>_cosim.rpt: one row per RTL; 2022.1 added the total as a ninth column."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    simulations = [
        _simulation(row, name) for row in rows if len(row) in (8, 9) and row[0] in ("Verilog", "VHDL", "SystemC")
    ]
    if not simulations:
        raise ToolError(
            f"{name}: a report must be XML or a co-simulation table with a row for Verilog or VHDL, "
            f"found {_excerpt(text)}; {AGAIN}"
        )
    ran = next((one for one in simulations if one.status is not None), simulations[0])
    transactions = transactions_of(log)
    if transactions is None and {*_numbers(ran)} - {None} == {0}:
        # a simulation that measured nothing but zeros has passed by calling nothing
        transactions = 0
    return SynthesisReport(
        kind="cosim",
        latency=ran.latency,
        interval=ran.interval,
        simulations=tuple(simulations),
        transactions=transactions,
    )


def _simulation(row: list[str], name: str) -> Simulation:
    rtl, status, *cells = row
    numbers: list[int | None] = []
    for cell in cells:
        value = number(cell, name, f"each number of {rtl}")
        numbers.append(None if value is None else int(value))
    total = numbers[6] if len(numbers) > 6 else None
    return Simulation(
        rtl, None if status.lower() in UNKNOWN else status, Span(*numbers[:3]), Span(*numbers[3:6]), total
    )


def _numbers(simulation: Simulation) -> Iterator[int | None]:
    for span in (simulation.latency, simulation.interval):
        yield from (span.min, span.average, span.max)
    yield simulation.total


def _excerpt(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return repr(line[:60]) if line else "nothing"
