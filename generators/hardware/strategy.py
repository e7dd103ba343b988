"""How the sums of a synapse are formed; none changes a value."""

from __future__ import annotations

from typing import Literal, get_args

Strategy = Literal["dense", "event", "distributed_arithmetic"]
"""dense: every product, in reuse_factor steps. event: only inputs that spike cost a cycle. distributed_arithmetic: all
at once, by adders that outputs share."""
STRATEGIES: tuple[str, ...] = get_args(Strategy)
_ELSEWHERE = {
    "latency": "dense with reuse_factor 1",
    "resource": "dense with a larger reuse_factor",
    "unrolled": "distributed_arithmetic",
    "compressed": "event, if most inputs are silent",
    "da": "distributed_arithmetic",
}
"""hls4ml's names of strategies."""


def fault(value: object) -> str:
    """The rule that `value` breaks as a strategy; empty if it is one."""
    if value in STRATEGIES:
        return ""
    near = _ELSEWHERE.get(value.lower()) if isinstance(value, str) else None
    named = f"; hls4ml's {value} is here {near}" if near else ""
    return f"must be {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}{named}"
