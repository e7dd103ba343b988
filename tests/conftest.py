"""What tests share: the option that rewrites golden files, and a compiler that is ready to use."""

from __future__ import annotations

from pathlib import Path

import pytest
from builds import Place, furnished
from projects import Workshop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from what is generated now")


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
