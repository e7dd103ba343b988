"""The compiler of the structure tests; where it is missing they are skipped, with a line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from analysis.front import MissingError, Tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    try:
        return Tools.found()
    except MissingError as missing:
        pytest.skip(str(missing))
