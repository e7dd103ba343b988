"""Parts and what they have, and whether a design fits into one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESOURCES = ("LUT", "FF", "DSP", "BRAM_18K", "URAM")
PARTS: Mapping[str, tuple[int, int, int, int, int]] = {
    # Zynq-7000 (AMD DS190)
    "xc7z007s": (14_400, 28_800, 66, 100, 0),
    "xc7z010": (17_600, 35_200, 80, 120, 0),
    "xc7z015": (46_200, 92_400, 160, 190, 0),
    "xc7z020": (53_200, 106_400, 220, 280, 0),
    "xc7z030": (78_600, 157_200, 400, 530, 0),
    "xc7z035": (171_900, 343_800, 900, 1_000, 0),
    "xc7z045": (218_600, 437_200, 900, 1_090, 0),
    "xc7z100": (277_400, 554_800, 2_020, 1_510, 0),
    # 7 series (DS180)
    "xc7a35t": (20_800, 41_600, 90, 100, 0),
    "xc7a50t": (32_600, 65_200, 120, 150, 0),
    "xc7a100t": (63_400, 126_800, 240, 270, 0),
    "xc7a200t": (134_600, 269_200, 740, 730, 0),
    "xc7k160t": (101_400, 202_800, 600, 650, 0),
    "xc7k325t": (203_800, 407_600, 840, 890, 0),
    "xc7vx690t": (433_200, 866_400, 3_600, 2_940, 0),
    # Zynq UltraScale+ (DS891) and Kria
    "xczu2eg": (47_232, 94_464, 240, 300, 0),
    "xczu3eg": (70_560, 141_120, 360, 432, 0),
    "xczu5ev": (117_120, 234_240, 1_248, 288, 64),
    "xczu7ev": (230_400, 460_800, 1_728, 624, 96),
    "xczu9eg": (274_080, 548_160, 2_520, 1_824, 0),
    "xczu28dr": (425_280, 850_560, 4_272, 2_160, 80),
    "xck26": (117_120, 234_240, 1_248, 288, 64),
    # UltraScale+ (DS890, DS962)
    "xcku5p": (216_960, 433_920, 1_824, 960, 64),
    "xcku15p": (522_720, 1_045_440, 1_968, 1_968, 128),
    "xcvu9p": (1_182_240, 2_364_480, 6_840, 4_320, 960),
    "xcu50": (871_680, 1_743_360, 5_952, 2_688, 640),
    "xcu200": (1_182_240, 2_364_480, 6_840, 4_320, 960),
    "xcu250": (1_728_000, 3_456_000, 12_288, 5_376, 1_280),
    "xcu280": (1_303_680, 2_607_360, 9_024, 4_032, 960),
}
"""Device, the beginning of a part's name → as many of each resource."""


def available(part: str) -> dict[str, int] | None:
    """Resource → how many the part has; None of a part that is not in the table."""
    name = part.lower()
    known = [device for device in PARTS if name.startswith(device) and not name[len(device):][:1].isdigit()]
    return dict(zip(RESOURCES, PARTS[max(known, key=len)], strict=True)) if known else None


def fitting(estimate: Mapping[str, Any], part: str) -> dict[str, Any]:
    """`part`; `fits`: null for a part that is not in the table; `exceeded`: resources of which it has too few; and
    `utilisation`, resource → percent.

    Args:
        estimate: of the whole design, in JSON.
    """
    have = available(part)
    if have is None:
        return {"part": part, "fits": None, "exceeded": [], "utilisation": {}}
    used = {name: estimate[name.lower()] for name in RESOURCES}
    exceeded = [name for name in RESOURCES if used[name] > have[name]]
    share = {name: round(100 * used[name] / have[name], 1) for name in RESOURCES if have[name]}
    return {"part": part, "fits": not exceeded, "exceeded": exceeded, "utilisation": share}


def verdict(fit: Mapping[str, Any]) -> str:
    """`fits: yes`, `fits: no, ` with each resource that is too large, or `fits: unknown`."""
    if fit["fits"] is None:
        return f"fits: unknown, {fit['part']} is not in the table of parts"
    shares = fit["utilisation"]
    if fit["fits"]:
        return f"fits: yes, {fit['part']}, " + ", ".join(f"{name} {share:g} %" for name, share in shares.items())
    over = [f"{name} {shares[name]:g} %" if name in shares else f"{name}, of which it has none"
            for name in fit["exceeded"]]
    return f"fits: no, {fit['part']}: {', '.join(over)}"
