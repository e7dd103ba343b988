"""Objects are those of a kind of machine: none is taken for another's, wherever it waits for who asks."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from projects import Workshop

from hlspike.generators.errors import ToolError
from hlspike.tasks.compilation import machine, toolchain
from hlspike.tasks.configuration import variants
from hlspike.tasks.configuration.variants import Variant
from hlspike.tasks.engine import graph
from hlspike.tasks.engine.running import key_of
from hlspike.tasks.layout import COMPOSED

OLD, NEW = "x86_64", "x86_64 -mavx2"


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx avx2 bmi1\n\nprocessor\t: 1\n", ("-mavx2",)),
        ("flags\t\t: fpu sse2 avx\nbugs\t\t: avx2\n", ()),
        ("flags\t\t: noavx2 avx2x\n", ()),
        ("Features\t: fp asimd avx2\n", ()),  # of another architecture
        ("", ()),
    ],
)
def test_vectors_are_those_that_the_processor_says_it_has(tmp_path: Path, told: str, flags: tuple[str, ...]) -> None:
    (tmp_path / "cpuinfo").write_text(told)
    assert machine.vectors(tmp_path / "cpuinfo") == flags


def test_a_machine_that_tells_nothing_has_none(tmp_path: Path) -> None:
    assert machine.vectors(tmp_path / "cpuinfo") == ()


def test_what_a_compiler_makes_is_for_the_machine_that_it_was_found_on(workshop: Workshop, tmp_path: Path) -> None:
    source, log = tmp_path / "own.cpp", tmp_path / "own.log"
    source.write_text("int f();\n")
    tools = replace(workshop.tools, machine="x86_64 -mno-such-vectors")
    with pytest.raises(ToolError, match=rf"^{source}: g\+\+ failed: g\+\+: error: .*-mno-such-vectors.*; see {log}$"):
        toolchain.compile_unit(tools, source, tmp_path / "own.o", None, log)


def loaded(kind: str, monkeypatch: pytest.MonkeyPatch) -> Variant:
    """The configuration as a machine of this kind composes it, or finds it composed."""
    monkeypatch.setattr(machine, "kind", lambda: kind)
    (variant,) = variants.load(["experiment=digits_spike"])
    return variant


def keys(variant: Variant) -> dict[str, str]:
    """Name of each step that calls the compiler → its key in a cache, of the same inputs on every machine."""
    objects = [Path("objects/one.o")]
    link = graph.step(variant, "link", inputs=objects, outputs=[variant.layout.csim], tool=variant.tool)
    unit = graph.step(
        variant, "compile", "one", function="compile_unit", inputs=objects, outputs=objects, tool=variant.tool
    )
    (headers,) = graph.headers([variant])
    return {made["basename"]: key_of(made["actions"][0][1][0]) for made in (link, unit, headers)}


def test_unlike_machines_that_share_a_folder_and_a_cache_share_no_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("objects").mkdir()
    Path("objects/one.o").touch()
    old, new = loaded(OLD, monkeypatch), loaded(NEW, monkeypatch)
    assert (old.tool.content["machine"], new.tool.content["machine"]) == (OLD, NEW)
    assert old.tool.identity != new.tool.identity and graph.header(old) != graph.header(new)
    assert all(old_key != new_key for old_key, new_key in zip(keys(old).values(), keys(new).values(), strict=True))
    # a third like the first finds what that has composed and made
    composed = sorted(path.name for path in COMPOSED.iterdir())
    again = loaded(OLD, monkeypatch)
    assert again == old and keys(again) == keys(old)
    assert sorted(path.name for path in COMPOSED.iterdir()) == composed and len(composed) == 2


def test_a_step_tells_that_the_machine_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tools = [loaded(kind, monkeypatch).tool for kind in (OLD, NEW)]
    changed = {key for key, value in tools[0].content.items() if value != tools[1].content[key]}
    assert changed == {"machine"} and tools[0].local == tools[1].local
    assert not re.search("avx", tools[1].content["flags"])
