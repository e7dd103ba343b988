"""One YAML file of a configuration, read: every fault of its bytes or its text is one line with its place."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from hlspike.generators.errors import ConfigError
from hlspike.tasks.configuration.reading.loader import Fault, Loader, written_out

_LARGEST = 2**24
"""Bytes of a file."""
_MOST = 100_000
"""Values of a file whose aliases are written out."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDIES = (
    (r"'\\t'", "indent with blanks, not with tabs"),
    (r"undefined alias", "quote a value that begins with *, or give the anchor &"),
    (r"mapping values are not allowed", "quote a value that holds ': ', and indent the keys of a map alike"),
    (r"cannot start any token", "quote a value that begins with such a character"),
    (r"another document", "keep one, and remove the line ---"),
    (r"duplicate key", "keep one"),
    (r"quoted scalar", "close its quotes"),
    (r"block (end|mapping|collection)|expected ',' or", "close brackets and quotes, indent the keys of a map alike"),
    (r"end of stream", "close quotes and brackets"),
    (r"find expected ':'", "write key: value, with a blank after the colon"),
    (r"escape character", "double each backslash between double quotes, or write single ones"),
)


def shown(path: Path) -> str:
    """`path` for a message: relative to the working directory if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def text(path: Path) -> str:
    """The content of a file: UTF-8, or what its byte order mark says.

    Raises:
        ConfigError: it is no file, or no text.
    """
    name = shown(path)
    try:
        with open(path, "rb", opener=lambda file, flags: os.open(file, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{name}: is no file of text; give a file of YAML")
            if status.st_size > _LARGEST:
                raise ConfigError(
                    f"{name}: has {status.st_size} bytes, a file of a configuration at most {_LARGEST}; keep data "
                    "in a file of its own"
                )
            data = file.read()
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}; a configuration is read from there") from None
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        found = data.decode("utf-8-sig" if mark == codecs.BOM_UTF8 else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name}:{line}: is not {encoding.upper()}, found byte 0x{data[error.start]:02x}; save the file as UTF-8"
        ) from None
    bad = yaml.reader.Reader.NON_PRINTABLE.search(found)
    if bad:
        line = found.count("\n", 0, bad.start()) + 1
        raise ConfigError(
            f"{name}:{line}: holds the character U+{ord(bad[0]):04X}; remove it, or save the file as UTF-8"
        )
    return found


def read(path: Path, content: str) -> dict[str, Any]:
    """The map that the text of a file holds, empty for an empty file.

    Raises:
        ConfigError: the text is no YAML, no map, or would be misread.
    """
    loader = Loader(content)
    try:
        root = loader.get_single_node()
        if root is None or (root.tag.endswith(":null") and root.value == ""):
            return {}
        if not isinstance(root, yaml.MappingNode):
            kind = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
            raise Fault(root.start_mark, f"must be a map of keys, found {kind}; write key: value")
        if written_out(root) > max(_MOST, loader.nodes):
            raise Fault(root.start_mark, f"has more than {_MOST} values with its aliases written out; use fewer")
        found: dict[str, Any] = loader.construct_document(root)
        return found
    except Fault as fault:
        raise ConfigError(f"{shown(path)}:{fault.mark.line + 1}: {fault.problem}") from None
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, str(error.problem or error.context)
        remedy = next((told for pattern, told in _REMEDIES if re.search(pattern, problem)), "correct the line")
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{shown(path)}{line}: is no YAML: {' '.join(problem.split())}; {remedy}") from None
    finally:
        loader.dispose()
