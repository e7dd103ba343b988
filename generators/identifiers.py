"""Layer names of a model as C++ identifiers: valid, unique even in a file system that folds case, and no one else's."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl concept const
constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false
float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
protected public register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while xor xor_eq final override import module
"""
_OURS = "hlspike hls snn_top top tb kernels harness npy main std in out last decision valid all probes step"
_TAKEN = frozenset(_KEYWORDS.split()) | frozenset(_OURS.split())
_LONGEST = 64


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Name → identifier, in the order given; the same names always give the same identifiers.

    Characters that C++ does not take become `_`; runs of it, which C++ reserves, become one. What would clash with a
    keyword, a macro of the headers, a name of ours or another layer gets a number.
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        base = re.sub(r"_+", "_", re.sub(r"\W", "_", name, flags=re.ASCII)).strip("_")[:_LONGEST]
        if not base or base[0].isdigit():
            base = f"layer_{base}".rstrip("_")
        if base in _TAKEN or base.isupper() or base.startswith(("ap_", "AP_", "snn_", "HLSPIKE_")):
            base = f"{base}_layer"
        identifier, number = base, 1
        while identifier.lower() in used:
            number += 1
            identifier = f"{base}_{number}"
        used.add(identifier.lower())
        found[name] = identifier
    return found
