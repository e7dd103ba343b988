"""Layer names of a model as C++ identifiers: valid, unique even in a file system that folds case, and no one else's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_KEYWORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl concept const
constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false
float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
protected public register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
wchar_t while xor xor_eq final override import module
"""
_OURS = """
hlspike hls std main snn_top top tb kernels harness npy word bounded in out last last_in last_out decision valid all
probes step n n_in n_out in_t out_t in_lanes out_lanes in_beats out_beats word_t word_lanes words acc_t accum_t result_t
mem_t state_t decision_t weight bias beta threshold bias_t beta_t threshold_t reuse_factor parallel groups in_parallel
out_parallel weight_width sum_width acc_width decay reset immediate inhibition integrator rule class_threshold
every_step seen group spikes decided emits row frame depths told values
"""
"""Files, members and locals of the generated project, compared without case: a layer becomes a file."""
_HEADERS = """
assert complex ctype errno etc fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
"""
"""Of the C library: a layer's header beside the sources must not be taken for one of them."""
_CLONE = "clone"
_TAKEN, _RESERVED = frozenset(_KEYWORDS.split()), frozenset(_OURS.split()) | frozenset(_HEADERS.split())
_PREFIXES = ("ap_", "hls_", "snn_", "hlspike_", "kernels_")
_LONGEST = 64


def clones(layers: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Layer whose output is taken more than once → the name of its clone, which no layer has.

    Args:
        layers: name and inputs of each.
    """
    listed = [(name, tuple(inputs)) for name, inputs in layers]
    taken = Counter(source for _, inputs in listed for source in inputs)
    used, found = {name for name, _ in listed}, {}
    for name, _ in listed:
        if taken[name] > 1:
            clone = f"{name}.{_CLONE}"
            while clone in used:
                clone += "_"
            used.add(clone)
            found[name] = clone
    return found


def parts(layers: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Name → identifier of every layer, each followed by its clone; `layers` as for `clones`."""
    listed = [(name, tuple(inputs)) for name, inputs in layers]
    cloned = clones(listed)
    return identifiers(name for layer, _ in listed for name in (layer, cloned.get(layer)) if name is not None)


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Name → identifier, in the order given; the same names always give the same identifiers.

    Characters that C++ does not take become `_`; runs of it, which C++ reserves, become one. What would clash with a
    keyword, a macro of the headers, a name of ours or another layer gets a number.
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        base = re.sub(r"_+", "_", re.sub(r"\W", "_", name, flags=re.ASCII)).strip("_")[:_LONGEST].rstrip("_")
        if not base or base[0].isdigit():
            base = f"layer_{base}".rstrip("_")
        if base in _TAKEN or base.lower() in _RESERVED or base.isupper() or base.lower().startswith(_PREFIXES):
            base = f"{base}_layer"
        identifier, number = base, 1
        while identifier.lower() in used:
            number += 1
            identifier = f"{base}_{number}"
        used.add(identifier.lower())
        found[name] = identifier
    return found
