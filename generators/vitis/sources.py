"""What a synthesis rests on: the text of a translation unit as the tool sees it, and nothing else.

Comments, blank space, what only C simulation compiles and the places of files are gone, and every header of the project
is where it is included. AMD's own headers stay names: they belong to the release of the tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname, join, normpath

from hlspike.generators.errors import ToolError

_TOKEN = re.compile(
    r"""R"\((?:.|\n)*?\)" | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | \d[\w']* | //[^\n]* | /\*(?:.|\n)*?\*/""",
    re.VERBOSE,
)
_DIRECTIVE = re.compile(r"#\s*(include|ifdef|ifndef|if|elif|else|endif|define|undef)\b\s*(.*)")
DEFINED = frozenset(("__SYNTHESIS__",))


def resolved(path: str, files: Mapping[str, str], defined: Iterable[str] = DEFINED) -> str:
    """The source at `path`, preprocessed, for synthesis unless `defined` has other macros.

    Args:
        files: path → text of everything in the project that may be included, relative to one folder, with `/`.
    Returns:
        One line per line of code. Only plain conditions (#ifdef, #ifndef of a name) are decided; others stay.
    Raises:
        ToolError: a header of the project is missing.
    """
    return "\n".join(_Unit(files, set(defined)).lines(normpath(path)))


class _Unit:
    """One translation unit; `defined` grows as it is read."""

    def __init__(self, files: Mapping[str, str], defined: set[str]) -> None:
        self.files = files
        self.defined = defined

    def lines(self, path: str) -> Iterator[str]:
        if path not in self.files:
            raise ToolError(f"{path}: the project includes it but has no such file; build it again")
        # of each condition that is open: whether its code counts, and whether we decide it
        open_: list[tuple[bool, bool]] = []
        for line in _stripped(self.files[path]).splitlines():
            text = " ".join(line.split())
            directive = _DIRECTIVE.fullmatch(text)
            counts = all(state for state, _ in open_)
            if directive and directive[1] in ("ifdef", "ifndef"):
                known = (directive[2] in self.defined) == (directive[1] == "ifdef")
                open_.append((known, True))
            elif directive and directive[1] == "if":
                open_.append((True, False))
                if counts:
                    yield text
            elif directive and directive[1] in ("elif", "else", "endif") and open_ and open_[-1][1]:
                state, _ = open_.pop()
                if directive[1] != "endif":
                    open_.append((not state, True))
                if directive[1] == "elif":
                    yield text
            elif directive and directive[1] == "endif" and open_:
                open_.pop()
                if all(state for state, _ in open_):
                    yield text
            elif not counts or not text:
                continue
            elif directive and directive[1] == "include" and directive[2].startswith('"'):
                yield from self.lines(normpath(join(dirname(path), directive[2].strip('"'))))
            elif directive and directive[1] in ("define", "undef"):
                name = directive[2].partition(" ")[0].partition("(")[0]
                (self.defined.add if directive[1] == "define" else self.defined.discard)(name)
                if name != directive[2]:
                    yield text
            else:
                yield text


def _stripped(text: str) -> str:
    """Without comments, and with continued lines joined."""
    joined = text.replace("\\\n", "")
    return _TOKEN.sub(lambda token: " " if token[0].startswith(("//", "/*")) else token[0], joined)
