"""What the log of Vitis HLS says that no report does: the release, the target II of each loop, transactions."""

from __future__ import annotations

import re
from collections.abc import Mapping


def transactions_of(log: str) -> int | None:
    """Transactions that the last RTL simulation in a log completed; None if it shows no progress."""
    progress = re.findall(r"^// RTL Simulation : (\d+) / \d+", log, re.MULTILINE)
    return int(progress[-1]) if progress else None


def targets_of(log: str) -> dict[tuple[str, str], int | None]:
    """Target II by module and loop, from `Pipelining result` lines; before 2021.1 the loop stands on a line before."""
    targets: dict[tuple[str, str], int | None] = {}
    module = loop = ""
    for line in log.splitlines():
        if found := re.search(r"Implementing module '([^']+)'", line):
            module = found[1]
        elif found := re.search(r"Pipelining (loop|function) '([^']+)'", line):
            loop = found[2] if found[1] == "loop" else ""
        elif found := re.search(r"Pipelining result : Target II = (\w+),.*?(?:, loop '([^']+)')?\.?\s*$", line):
            name = found[2] or loop
            if name:
                targets[module, name] = int(found[1]) if found[1].isdigit() else None
    return targets


def target(targets: Mapping[tuple[str, str], int | None], module: str, loop: str) -> int | None:
    if (module, loop) in targets:
        return targets[module, loop]
    # module names are shortened in places; a loop's name will do where it is not ambiguous
    others = {target for (_, name), target in targets.items() if name == loop}
    return others.pop() if len(others) == 1 else None


def version(log: str) -> str | None:
    """The release that a log's banner names, as 2024.1 or 2023.2.2."""
    found = re.search(r"\bv(\d{4}\.\d(?:\.\d)?) \(64-bit\)|HLS Build v(\d{4}\.\d(?:\.\d)?)\b", log)
    return None if found is None else found[1] or found[2]
