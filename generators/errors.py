"""The kinds of refusal. A message is one line: where, rule, value found, remedy."""

from __future__ import annotations


class HlspikeError(Exception):
    """Base of every error that is the input's fault; the terminal shows its message alone, without a traceback.

    What a message repeats may be anything, a name with a line break or a terminal's control sequence among it: the
    message is one line of characters that can be seen.

    Attributes:
        trace: of what a user's code raised, if that is behind it.
    """

    trace = ""

    def __str__(self) -> str:
        text = " ".join(line.strip() for line in super().__str__().split("\n"))
        return "".join(map(_seen, text)) if not text.isprintable() else text


def _seen(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


class UnsupportedModel(HlspikeError):  # noqa: N818 - the name is part of the interface
    """The network holds something that would not be built exactly as it was trained."""


class ConfigError(HlspikeError):
    """A configured value is unknown, of the wrong type, or impossible for this network."""


class DataError(HlspikeError):
    """A stimulus does not fit the network it is meant for."""


class ToolError(HlspikeError):
    """An external program is missing or failed."""


class Mismatch(HlspikeError):  # noqa: N818 - the name says what happened
    """Two executors that must agree bit for bit do not."""
