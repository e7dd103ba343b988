"""`doit cache`: what the shared cache holds, whether it is whole, and less of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hlspike.generators.errors import ConfigError
from hlspike.tasks.cache.entry import Damaged, discard
from hlspike.tasks.cache.shared import Cache

_MIB = 2**20
_LARGEST = 1e9
"""GiB: more than there are bytes to count in any disk."""


def manage(words: list[str], config: Mapping[str, Any]) -> str:
    """The answer to `doit cache show | verify | prune [GiB]`; `show` if there is no word.

    Args:
        config: the configuration key `cache`.
    """
    cache = Cache.of(config)
    if cache.folder is None:
        return "the cache is not enabled; set cache.enabled=true"
    if cache.folder.exists() and not cache.marked:
        raise ConfigError(f"cache.dir: {cache.folder} is no cache of hlspike; remove it, or name another folder")
    match words:
        case [] | ["show"]:
            return _shown(cache)
        case ["verify"]:
            return _verified(cache)
        case ["prune"]:
            return _pruned(cache, cache.bound)
        case ["prune", size]:
            return _pruned(cache, _bytes(size))
        case _:
            raise ConfigError(f"cache: {' '.join(words)!r} is no command; write show, verify or prune [GiB]")


def _shown(cache: Cache) -> str:
    entries: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    saved: Counter[str] = Counter()
    for entry in cache.entries():
        stage = str(entry.meta["step"]).partition(":")[0]
        entries[stage] += 1
        sizes[stage] += entry.size
        saved[stage] += entry.meta["seconds"]
    rows = [("step", "results", "MiB", "seconds to make")]
    rows += [(stage, str(entries[stage]), f"{size / _MIB:.1f}", f"{saved[stage]:.1f}")
             for stage, size in sizes.most_common()]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = ["  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
             for row in rows]
    total = f"{entries.total()} results, {sizes.total() / _MIB:.1f} MiB of at most {cache.bound / _MIB:.0f}"
    return "\n".join([f"{cache.folder}: {total}", *(lines if entries else ())])


def _verified(cache: Cache) -> str:
    whole, lines = 0, []
    for folder in cache.unreadable():
        lines.append(f"{folder}: its description cannot be read; removed")
        discard(folder)
    for entry in cache.entries():
        try:
            entry.verify()
            whole += 1
        except Damaged as error:
            lines.append(f"{entry.folder}: {error}; removed")
            discard(entry.folder)
    return "\n".join([*lines, f"{whole} results are whole, {len(lines)} were damaged"])


def _pruned(cache: Cache, bound: int) -> str:
    removed, size = cache.prune(bound)
    return f"{removed} results removed, {size / _MIB:.1f} MiB"


def _bytes(text: str) -> int:
    try:
        size = float(text)
    except ValueError:
        size = -1.0
    if not 0 <= size <= _LARGEST:
        raise ConfigError(f"cache: prune takes a size in GiB, found {text!r}; write for instance prune 2.5")
    return int(size * 2**30)
