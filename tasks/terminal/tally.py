"""What a run has done so far, as it is told while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Tally:
    """What a run has done so far.

    Attributes:
        saved: seconds that steps would have taken which did not run.
        good, bad: names of the steps that stand, and that failed.
        unmet: those of the latter that something before them kept from running.
    """

    def __init__(self) -> None:
        self.tasks: Mapping[str, Any] = {}
        self.selected: list[str] = []
        self.running: dict[str, float] = {}
        self.ran = self.reused = self.same = 0
        self.saved = 0.0
        self.good: set[str] = set()
        self.bad: set[str] = set()
        self.unmet: set[str] = set()

    @property
    def silent(self) -> bool:
        """Nothing that was asked for is a step of a build."""
        return not (self.ran or self.reused or self.same)

    def stand(self, steps: Mapping[str, float]) -> None:
        """Steps are up to date, of which no task is made; label → seconds."""
        self.same += len(steps)
        self.good |= steps.keys()
        self.saved += sum(steps.values())

    def done(self, task: Any, reused: bool, taken: float) -> None:
        self.good.add(task.name)
        if reused:
            self.reused += 1
            self.saved += max(0.0, task.values["seconds"] - taken)
        else:
            self.ran += 1

    def progress(self) -> tuple[int, int]:
        """Steps done, and all that are known of."""
        done = self.ran + self.reused + self.same
        return done, len(self.needed() | self.good)

    def needed(self) -> set[str]:
        """Names of the steps that are known to be needed."""
        needed, pending = set(), list(self.selected)
        while pending:
            name = pending.pop()
            if name in needed or name not in self.tasks:
                continue
            needed.add(name)
            pending += self.tasks[name].task_dep
        return {name for name in needed if self.tasks[name].targets}

    def summary(self, taken: float) -> str:
        reused = f"{self.reused} came from the cache, " if self.reused else ""
        saved = f", {self.saved:.1f} s saved" if self.saved >= 0.05 else ""
        return f"{self.ran} steps ran, {reused}{self.same} were up to date, {taken:.1f} s{saved}"
