"""Lanes between layers, and the words in which vectors enter and leave."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hlspike.generators.design import Io
from hlspike.generators.hardware.lanes import edge, lanes
from hlspike.generators.hardware.wires import Edge, Port

SPIKE, CURRENT = "ap_uint<1>", "ap_fixed<16,6>"


@pytest.mark.parametrize(("size", "kind", "given", "taken", "parallel", "stream"), [
    # what both do at once, or the least that holds what either does
    (128, CURRENT, 16, 16, 16, 16), (128, CURRENT, 8, 32, 32, 32), (12, CURRENT, 4, 6, 12, 12), (7, SPIKE, 1, 7, 7, 7),
    (1, SPIKE, 1, 1, 1, 1), (784, SPIKE, 28, 28, 28, 28), (787, SPIKE, 787, 787, 787, 787),
    # a beat in a FIFO has 4096 bits at most, `last` among them: 255 currents, of which a divisor
    (256, CURRENT, 256, 256, 256, 128), (255, CURRENT, 255, 255, 255, 255), (257, CURRENT, 257, 257, 257, 1),
    (512, CURRENT, 1, 512, 512, 128), (510, CURRENT, 2, 510, 510, 170),
    # and 1024 values, each a bank of an array or a register; beats are a multiple or a part of what each end does
    (2048, SPIKE, 2, 1024, 1024, 1024), (4096, SPIKE, 2, 1024, 1024, 1024), (4095, SPIKE, 65, 63, 1, 1),
    (64, "ap_fixed<600,300>", 64, 64, 64, 4),
])
def test_lanes_between_what_two_layers_do_at_once(
    size: int, kind: str, given: int, taken: int, parallel: int, stream: int
) -> None:
    port = Port(size, kind, 0)
    assert (lanes(port, (given, taken), "parallel"), lanes(port, (given, taken), "stream")) == (parallel, stream)


@st.composite
def joints(draw: st.DrawFn) -> tuple[int, int, int, int]:
    size = draw(st.integers(1, 3000))
    divisors = [count for count in range(1, min(size, 1024) + 1) if size % count == 0]
    return size, draw(st.integers(1, 64)), draw(st.sampled_from(divisors)), draw(st.sampled_from(divisors))


@settings(max_examples=300, deadline=None)
@given(joints(), st.sampled_from(["parallel", "stream"]))
def test_lanes_divide_the_vector_and_fit_both_ends_and_the_limits(drawn: tuple[int, int, int, int], io: Io) -> None:
    size, width, given_, taken = drawn
    count = lanes(Port(size, f"ap_fixed<{width},1>", 0), (given_, taken), io)
    assert size % count == 0
    assert all(count % group == 0 or group % count == 0 for group in (given_, taken))
    assert count <= 1024
    assert io == "parallel" or count * width + 1 <= 4096 or count == 1


@pytest.mark.parametrize(("size", "kind", "count", "expected"), [
    (1, SPIKE, 1, Edge(8, 1, 1, True)), (4, SPIKE, 1, Edge(8, 4, 1, True)), (9, SPIKE, 9, Edge(16, 9, 1, True)),
    (64, SPIKE, 64, Edge(64, 64, 1, True)), (65, SPIKE, 5, Edge(128, 65, 1, True)),
    (32, CURRENT, 32, Edge(512, 32, 1, True)),
    # MNIST, two words: of whole beats, or halves of one; primes have no parts but fit as well
    (784, SPIKE, 28, Edge(512, 504, 2, False)), (784, SPIKE, 784, Edge(512, 392, 2, True)),
    (784, SPIKE, 1, Edge(512, 512, 2, False)), (787, SPIKE, 787, Edge(512, 394, 2, True)),
    (784, CURRENT, 28, Edge(512, 28, 28, False)), (784, CURRENT, 56, Edge(512, 28, 28, False)),
    (784, CURRENT, 7, Edge(512, 28, 28, False)), (3, "ap_fixed<12,4>", 3, Edge(64, 3, 1, True)),
    (100, "ap_fixed<33,4>", 100, Edge(512, 15, 7, True)), (9, "ap_fixed<64,4>", 3, Edge(512, 6, 2, False)),
    # 86 parts of 12 values would be 1032 registers
    (1023, "ap_fixed<40,4>", 1023, Edge(512, 11, 93, False)),
    # words are ports only where all are moved at once, and no more of them than there may be ports
    (1024, CURRENT, 1024, Edge(512, 32, 32, True)), (1024, CURRENT, 512, Edge(512, 32, 32, False)),
    (1024, "ap_fixed<32,4>", 1024, Edge(512, 16, 64, True)),
    (3000, CURRENT, 30, Edge(512, 30, 100, False)),
])
def test_words_at_an_edge(size: int, kind: str, count: int, expected: Edge) -> None:
    assert edge(Port(size, kind, count)) == expected


@settings(max_examples=300, deadline=None)
@given(joints())
def test_words_hold_every_value_once_and_are_powers_of_two(drawn: tuple[int, int, int, int]) -> None:
    size, width, count, _ = drawn
    found = edge(Port(size, f"ap_fixed<{width},1>", count))
    assert found.width in (8, 16, 32, 64, 128, 256, 512)
    assert found.lanes * width <= found.width
    # a word begins with a beat, or a beat with a word
    assert found.lanes % count == 0 or -(-count // -(-count // found.lanes)) == found.lanes or found.words == 1
    if found.lanes % count == 0:
        assert found.words == -(-size // found.lanes)
    else:
        assert found.words == size // count * -(-count // found.lanes)
