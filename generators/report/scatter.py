"""Scatter: points drawn in letters, for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

WIDTH, HEIGHT = 64, 16
ON_FRONT, BESIDE = "*", "o"


def scatter(points: Sequence[tuple[float, float]], front: Collection[int], x: str, y: str) -> str:
    """Points (x, y) as a picture of `HEIGHT` lines.

    Args:
        front: places of the points that are drawn as a star.
        x, y: names of the axes.
    """
    if not points:
        return ""
    low = [min(point[axis] for point in points) for axis in (0, 1)]
    high = [max(point[axis] for point in points) for axis in (0, 1)]
    canvas = [[" "] * WIDTH for _ in range(HEIGHT)]
    # the front last: it must not be hidden
    for place in sorted(range(len(points)), key=lambda k: k in front):
        column, row = (
            round((points[place][axis] - low[axis]) / ((high[axis] - low[axis]) or 1.0) * (size - 1))
            for axis, size in ((0, WIDTH), (1, HEIGHT))
        )
        canvas[HEIGHT - 1 - row][column] = ON_FRONT if place in front else BESIDE
    top, bottom = f"{high[1]:.4g}", f"{low[1]:.4g}"
    margin = max(len(top), len(bottom))
    labels = [top, *[""] * (HEIGHT - 2), bottom]
    lines = [f"{label.rjust(margin)} |{''.join(line)}".rstrip() for label, line in zip(labels, canvas, strict=True)]
    left, right = f"{low[0]:.6g}", f"{high[0]:.6g}"
    return "\n".join([
        f"{y} over {x}; {ON_FRONT} is on the front",
        *lines,
        f"{' ' * margin} +{'-' * WIDTH}",
        f"{' ' * margin}  {left}{right.rjust(WIDTH - len(left))}",
    ])
