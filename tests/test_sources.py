"""What a synthesis rests on: everything that changes the hardware, and nothing that does not."""

from __future__ import annotations

import re

import pytest
from cases import CASES
from projects import designed, texts

from hlspike.generators.errors import ToolError
from hlspike.generators.vitis.sources import resolved
from hlspike.tasks.layout import KERNELS

FILES = {f"firmware/{path}": text for path, text in {
    "fc1.cpp": '#include "fc1.h"\n#include "kernels/k.h"\nint fc1() { return k<2>(); }  // two\n',
    "fc1.h": "#ifndef FC1_H\n#define FC1_H\n#include <ap_int.h>\nint fc1();\n#endif\n",
    "kernels/k.h": "#ifndef K_H\n#define K_H\n#include \"../fc1.h\"\ntemplate <int N> int k() { return N; }\n#endif\n",
}.items()}
RESOLVED = "#include <ap_int.h>\nint fc1();\ntemplate <int N> int k() { return N; }\nint fc1() { return k<2>(); }"


def of(**changed: str) -> str:
    return resolved("firmware/fc1.cpp", {**FILES, **{f"firmware/{name}.cpp": text for name, text in changed.items()}})


def test_headers_of_the_project_stand_where_they_are_included_and_once() -> None:
    assert of() == RESOLVED


INCLUDES = '#include "fc1.h"\n#include "kernels/k.h"\n'


@pytest.mark.parametrize(
    "text",
    [
        f"/* a\n * comment */\n{INCLUDES}\n\nint  fc1()\t{{ return /*!*/ k<2>(); }}  // k\n",
        INCLUDES + "int fc1() { \\\n  return k<2>(); }",
        INCLUDES + "#ifndef __SYNTHESIS__\nint probe();\n#endif\nint fc1() { return k<2>(); }",
        INCLUDES + "#ifdef __SYNTHESIS__\nint fc1() { return k<2>(); }\n#else\nint x;\n#endif\n",
    ],
)
def test_comments_layout_and_what_only_simulation_compiles_do_not_count(text: str) -> None:
    assert of(fc1=text) == RESOLVED


@pytest.mark.parametrize(
    "text",
    [
        INCLUDES + "int fc1() { return k<3>(); }\n",
        INCLUDES + "#pragma HLS INLINE\nint fc1() { return k<2>(); }\n",
        INCLUDES + "#define N 3\nint fc1() { return k<2>(); }\n",
    ],
)
def test_code_pragmas_and_macros_count(text: str) -> None:
    assert of(fc1=text) != RESOLVED


def test_what_looks_like_a_comment_in_a_string_is_none() -> None:
    assert of(fc1='const char *a = "// no /* comment */"; // yes\nchar b = \'"\'; // yes') == (
        'const char *a = "// no /* comment */";\nchar b = \'"\';'
    )
    assert of(fc1="int a = 1'000; // 'yes\nint b;") == "int a = 1'000;\nint b;"


def test_conditions_that_are_not_decided_stay_with_both_branches() -> None:
    text = "#if N > 2\nint a;\n#elif N > 1\nint b;\n#else\nint c;\n#endif\n#ifdef M\nint d;\n#elif N\nint e;\n#endif\n"
    assert of(fc1=text + "int f;").splitlines() == [
        "#if N > 2", "int a;", "#elif N > 1", "int b;", "#else", "int c;", "#endif", "#elif N", "int e;", "int f;",
    ]


def test_a_condition_within_one_that_does_not_count_does_not_either() -> None:
    text = "#ifndef __SYNTHESIS__\n#if N\nint a;\n#endif\n#ifdef __SYNTHESIS__\nint b;\n#endif\n#endif\nint c;"
    assert of(fc1=text) == "int c;"


def test_a_header_that_is_missing_is_named() -> None:
    with pytest.raises(ToolError) as refusal:
        of(fc1='#include "gone.h"\n')
    assert str(refusal.value) == "firmware/gone.h: the project includes it but has no such file; build it again"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layer_names_no_other_layer_and_no_probe(case: object) -> None:
    _, design = designed(case, "stream")  # type: ignore[arg-type]
    files = {f"firmware/kernels/{path.name}": path.read_text() for path in KERNELS.glob("*.h")} | texts(design)
    ids = [layer.id for layer in design.layers]
    for one in ids:
        text = resolved(f"firmware/{one}.cpp", files)
        assert f"void {one}_step(" in text and "_probe" not in text and "//" not in text
        assert not [other for other in ids if other != one and re.search(rf"\b{other}_(?:step|ports)\b", text)]
