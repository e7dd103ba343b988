"""What tests share: the option that rewrites golden files, and a compiler that is ready to use."""

from __future__ import annotations

from pathlib import Path

import pytest
from builds import Place, furnished
from projects import Workshop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from what is generated now")


_QUICK = {
    f"test_{name}"
    for name in (
        "architecture", "compare", "decision", "diagnosis", "emit", "estimate", "extent", "extract", "float",
        "hardware", "holes", "identifiers", "independent", "marker", "matmul", "quantize", "reference",
        "report", "resolve", "results", "schedule", "settings", "sources", "stimulus", "synthesis_report",
    )
}
"""Modules that neither compile, build nor compose; each of their tests is part of `pytest -m smoke`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        quick = isinstance(item, pytest.Function) and item.module.__name__ in _QUICK
        if quick and not item.get_closest_marker("heavy"):
            item.add_marker(pytest.mark.smoke)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """g++ with AMD's headers precompiled, and the objects of the test bench."""
    return Workshop.opened(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A user's directory after its first build. Not to be changed: tests take a copy, `place`."""
    place = furnished(tmp_path_factory.mktemp("built"))
    place.build()
    return place


@pytest.fixture
def place(built: Place, tmp_path: Path) -> Place:
    """A user's directory in which everything is up to date."""
    return built.copy(tmp_path / "place")
