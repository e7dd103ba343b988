"""What tests share: the option that rewrites golden files, and a compiler that is ready to use."""

from __future__ import annotations

import pytest
from projects import Workshop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden from what is generated now")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """g++ with AMD's headers precompiled, and the objects of the test bench."""
    return Workshop.opened(tmp_path_factory.mktemp("workshop"))
