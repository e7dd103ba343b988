"""One YAML file of a configuration, read: every fault of its bytes or its text is one line with its place.

Keys are texts as their author wrote them: a layer may be called `on`, `null` or `1.5`, which YAML would take for a
truth value, nothing and a number. A value that YAML reads as something its author cannot have meant is refused.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml
from omegaconf import grammar_parser
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import GrammarParseError

from generators.errors import ConfigError

_TEXT = "tag:yaml.org,2002:str"
_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_DEEPEST = 64
_LARGEST = 2**24
"""Bytes of a file."""
_MOST = 100_000
"""Values of a file whose aliases are written out."""
_DIGITS = 1_000
_OPEN_TYPE = re.compile(r"[A-Za-z]\w*\s*<[^<>]*")
"""What is left of `ap_fixed<8,2>` where YAML takes the comma for the end of a value."""
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


class Key(str):
    """A key as it is written where YAML would read another value: `on` means true.

    Attributes:
        meaning: that value.
    """

    __slots__ = ("meaning",)
    meaning: Any

    def __deepcopy__(self, memo: dict[int, Any]) -> Key:
        return self


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
    loader = _Loader(content)
    try:
        root = loader.get_single_node()
        if root is None or (root.tag.endswith(":null") and root.value == ""):
            return {}
        if not isinstance(root, yaml.MappingNode):
            kind = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
            raise _Fault(root.start_mark, f"must be a map of keys, found {kind}; write key: value")
        if _written_out(root) > max(_MOST, loader.nodes):
            raise _Fault(root.start_mark, f"has more than {_MOST} values with its aliases written out; use fewer")
        found: dict[str, Any] = loader.construct_document(root)
        return found
    except _Fault as fault:
        raise ConfigError(f"{shown(path)}:{fault.mark.line + 1}: {fault.problem}") from None
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, str(error.problem or error.context)
        remedy = next((told for pattern, told in _REMEDIES if re.search(pattern, problem)), "correct the line")
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{shown(path)}{line}: is no YAML: {' '.join(problem.split())}; {remedy}") from None
    finally:
        loader.dispose()


class _Fault(Exception):  # noqa: N818 - caught where it is defined
    def __init__(self, mark: Any, problem: str) -> None:
        self.mark, self.problem = mark, problem


def _written_out(root: yaml.Node) -> int:
    """How many values there are once each alias is replaced by what it stands for."""
    known: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) not in known:
            known[id(node)] = -1
            inner = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in node.value]
            known[id(node)] = 1 + sum(map(size, inner))
        elif known[id(node)] < 0:
            raise _Fault(node.start_mark, "an alias stands within what it stands for; write its value out")
        return known[id(node)]

    return size(root)


class _Loader(get_yaml_loader()):  # type: ignore[misc]
    """OmegaConf's, with keys as they are written, and bounds."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.nodes = 0
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        self.nodes += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            mark = self.peek_event().start_mark
            raise _Fault(mark, f"is nested deeper than {_DEEPEST} levels; flatten it")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node.tag not in _PLAIN | {_MERGE}:
            raise _Fault(
                node.start_mark, f"{node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported; write a plain value"
            )
        is_key = isinstance(parent, yaml.MappingNode) and index is None
        if isinstance(node, yaml.ScalarNode) and not is_key:
            _check_reference(node)
            if node.style is None:
                _check_number(node)
        if isinstance(node, yaml.CollectionNode) and node.flow_style:
            _check_types(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        self.flatten_mapping(node)
        found: dict[str, Any] = {}
        for key, value in node.value:
            # what is merged stands before what is written beside it, and gives way to it
            found[_key(key)] = self.construct_object(value, deep=deep)
        return found

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _Fault(key.start_mark, "a key must be a text, found a list or a map; write it in quotes")
            if key.tag != _MERGE and key.value in seen:
                raise _Fault(key.start_mark, f"the key {key.value} stands twice in one map; keep one")
            seen.add(key.value)
        super().flatten_mapping(node)


def _key(node: yaml.ScalarNode) -> str:
    if node.tag == _TEXT:
        return str(node.value)
    key = Key(node.value)
    key.meaning = yaml.safe_load(node.value)
    return key


def _check_reference(node: yaml.ScalarNode) -> None:
    if "${" not in node.value:
        return
    try:
        grammar_parser.parse(node.value)
    except GrammarParseError:
        raise _Fault(
            node.start_mark, f"{node.value} cannot be read; close it as in ${{name}}, or write \\${{ for the text"
        ) from None


def _check_number(node: yaml.ScalarNode) -> None:
    written = str(node.value)
    if node.tag not in (_INTEGER, _FLOAT):
        return
    if len(written) > _DIGITS:
        raise _Fault(node.start_mark, f"a number of {len(written)} characters is too long; write it in quotes")
    if ":" in written or (node.tag == _INTEGER and re.fullmatch(r"[-+]?0[0-7_]+", written)):
        way = "counts in sixties" if ":" in written else "is octal"
        raise _Fault(
            node.start_mark,
            f"{written} {way} in YAML and means {yaml.safe_load(written)}; write that, or {written} in quotes",
        )


def _check_types(node: yaml.CollectionNode) -> None:
    items = node.value if isinstance(node, yaml.SequenceNode) else [item for pair in node.value for item in pair]
    for place, item in enumerate(items):
        plain = isinstance(item, yaml.ScalarNode) and item.style is None
        if plain and _OPEN_TYPE.fullmatch(item.value):
            rest = []
            for other in items[place + 1 :]:
                if isinstance(other, yaml.ScalarNode) and other.value:
                    rest.append(other.value)
                if rest and ">" in rest[-1]:
                    break
            whole = ",".join([item.value, *rest])
            raise _Fault(
                item.start_mark, f'a type in braces or brackets needs quotes, as a comma ends a value; write "{whole}"'
            )
