"""YAML as a configuration means it: keys as they are written, bounds on what a file may unfold to, and a refusal of
what its author cannot have meant.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from omegaconf import grammar_parser
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import GrammarParseError

_TEXT = "tag:yaml.org,2002:str"
_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_MERGE = "tag:yaml.org,2002:merge"
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_DEEPEST = 64
"""Levels of nesting."""
_DIGITS = 1_000
"""Characters of a number."""
_OPEN_TYPE = re.compile(r"[A-Za-z]\w*\s*<[^<>]*")
"""What is left of `ap_fixed<8,2>` where YAML takes the comma for the end of a value."""


class Key(str):
    """A key as it is written where YAML would read another value: `on` means true.

    Attributes:
        meaning: that value.
    """

    __slots__ = ("meaning",)
    meaning: Any

    def __deepcopy__(self, memo: dict[int, Any]) -> Key:
        return self


class Fault(Exception):  # noqa: N818 - becomes a ConfigError once the file is known
    """What is wrong, and where in the text."""

    def __init__(self, mark: Any, problem: str) -> None:
        self.mark, self.problem = mark, problem


def written_out(root: yaml.Node) -> int:
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
            raise Fault(node.start_mark, "an alias stands within what it stands for; write its value out")
        return known[id(node)]

    return size(root)


class Loader(get_yaml_loader()):  # type: ignore[misc]
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
            raise Fault(mark, f"is nested deeper than {_DEEPEST} levels; flatten it")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node.tag not in _PLAIN | {_MERGE}:
            raise Fault(
                node.start_mark, f"{node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported; write a plain value"
            )
        if node.tag != _implied(self, node):
            raise Fault(
                node.start_mark, f"{node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported; write a plain value"
            )
        is_key = isinstance(parent, yaml.MappingNode) and index is None
        if isinstance(node, yaml.ScalarNode) and not is_key:
            if node.tag == _MERGE:
                raise Fault(node.start_mark, "<< as a value merges nothing; write it in quotes")
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
                raise Fault(key.start_mark, "a key must be a text, found a list or a map; write it in quotes")
            if key.tag != _MERGE and key.value in seen:
                raise Fault(key.start_mark, f"the key {key.value} stands twice in one map; keep one")
            seen.add(key.value)
        super().flatten_mapping(node)


def _implied(loader: Loader, node: yaml.Node) -> str:
    """The tag that a node has without one of its own, but that a text may say that it is one."""
    if not isinstance(node, yaml.ScalarNode):
        return str(loader.resolve(type(node), None, True))
    return _TEXT if node.tag == _TEXT else str(loader.resolve(yaml.ScalarNode, node.value, (node.style is None, True)))


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
        raise Fault(
            node.start_mark, f"{node.value} cannot be read; close it as in ${{name}}, or write \\${{ for the text"
        ) from None


def _check_number(node: yaml.ScalarNode) -> None:
    written = str(node.value)
    if node.tag not in (_INTEGER, _FLOAT):
        return
    if len(written) > _DIGITS:
        raise Fault(node.start_mark, f"a number of {len(written)} characters is too long; write it in quotes")
    if node.tag == _FLOAT and "n" not in written.lower() and ":" not in written:
        value = float(written.replace("_", ""))
        if math.isinf(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", written)[0])):
            raise Fault(node.start_mark, f"{written} is beyond what a number holds; write one nearer to 1")
    if ":" in written or (node.tag == _INTEGER and re.fullmatch(r"[-+]?0[0-7_]+", written)):
        way = "counts in sixties" if ":" in written else "is octal"
        raise Fault(
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
            raise Fault(
                item.start_mark, f'a type in braces or brackets needs quotes, as a comma ends a value; write "{whole}"'
            )
