"""Archives written from files and read in parts: the same arrays, the same bytes, a bounded piece at a time."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hlspike.tasks.archives import arrays, columns

SHAPE = (200, 50, 30)


@pytest.fixture(scope="module")
def values() -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(-300, 300, SHAPE)


def _archive(folder: Path, values: NDArray[np.int64]) -> Path:
    writer = columns.Writer(folder / "mem.npy", np.int16, values.shape)
    for first in range(0, len(values), 7):
        writer.put(values[first : first + 7])
    writer.close()
    part = columns.Part(folder / "mem.npy", np.dtype(np.int64))
    floats = values.astype(np.float64)
    columns.write(folder / "trace.npz", {"decision": np.arange(3), "mem/a": part, "mem/b": floats})
    return folder / "trace.npz"


@pytest.fixture(scope="module")
def archive(values: NDArray[np.int64], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _archive(tmp_path_factory.mktemp("archive"), values)


def test_an_archive_of_parts_is_what_numpy_would_have_written(values: NDArray[np.int64], archive: Path) -> None:
    with np.load(archive) as loaded:
        assert loaded.files == ["decision", "mem/a", "mem/b"]
        assert loaded["decision"].tolist() == [0, 1, 2]
        assert loaded["mem/a"].dtype == np.int64 and loaded["mem/b"].dtype == np.float64
        np.testing.assert_array_equal(loaded["mem/a"], values)
        np.testing.assert_array_equal(loaded["mem/b"], values)


def test_integers_of_an_archive_take_about_the_width_of_their_values(values: NDArray[np.int64], archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        sizes = {info.filename: info.compress_size for info in opened.infolist()}
    assert sizes["mem/a.npy"] < values.astype(np.int16).nbytes * 1.5
    assert sizes["mem/b.npy"] >= values.nbytes


def test_the_same_arrays_leave_the_archive_alone(values: NDArray[np.int64], tmp_path: Path) -> None:
    first = _archive(tmp_path, values)
    before, content = first.stat(), first.read_bytes()
    again = _archive(tmp_path, values)
    assert (again.stat().st_mtime_ns, again.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    other = tmp_path / "other"
    other.mkdir()
    assert _archive(other, values).read_bytes() == content
    assert _archive(tmp_path, values + 1).read_bytes() != content


@pytest.mark.parametrize("member", ["mem/a", "mem/b"])
@pytest.mark.parametrize("key", [
    4, slice(3, 9), slice(7, 7), slice(None), slice(195, None), (5, 2), (5, 2, 3), (100, slice(2, 9)),
    (slice(5, 7), slice(1, 3), 2), (slice(100, 101), slice(3, 9)), (slice(100, 101), slice(3, 9, 2)),
    (slice(100, 101), slice(9, 3)), (slice(0, 200), 49, 29), (-0, slice(None), 1),
], ids=str)
def test_a_column_gives_what_an_array_gives(member: str, key: Any, values: NDArray[np.int64], archive: Path) -> None:
    column = columns.read(archive)[member]
    assert isinstance(column, columns.Column) and column.shape == SHAPE
    for _ in range(2):
        np.testing.assert_array_equal(column[key], values[key])
    np.testing.assert_array_equal(column.head(101)[:], values[:101])


def test_a_column_is_read_in_any_order(values: NDArray[np.int64], archive: Path) -> None:
    column = columns.read(archive)["mem/a"]
    for first in (0, 60, 120, 30, 30, 0, 199):
        np.testing.assert_array_equal(column[first : first + 30], values[first : first + 30])


@pytest.mark.parametrize("key", [200, -1, slice(0, 9, 2), slice(-3, None, -1)])
def test_rows_that_are_not_there_or_not_in_order_are_refused(key: Any, archive: Path) -> None:
    column = columns.read(archive)["mem/a"]
    with pytest.raises(IndexError, match="are not there, or not in order"):
        column[key]


def test_an_archive_that_is_cut_off_while_it_is_read_says_so(values: NDArray[np.int64], tmp_path: Path) -> None:
    writer = columns.Writer(tmp_path / "mem.npy", np.int16, (201, 50, 30))
    writer.put(values)
    writer.close()
    columns.write(tmp_path / "trace.npz", {"mem/a": columns.Part(tmp_path / "mem.npy", np.dtype(np.int64))})
    column = columns.read(tmp_path / "trace.npz")["mem/a"]
    with pytest.raises(ValueError) as error:
        column[:]
    assert str(error.value) == f"{tmp_path / 'trace.npz'}: it is cut off; run the build again"


@pytest.mark.parametrize("width", [1, 2, 6, 8, 9, 12, 16, 21, 32, 40, 62])
@pytest.mark.parametrize("size", [1, 3, 4, 8, 33])
def test_a_timestep_is_packed_bit_by_bit_from_the_lowest_on(width: int, size: int) -> None:
    low = 0 if width == 1 else -(2 ** (width - 1))
    values = np.random.default_rng(width).integers(low, max(2, low + 2**width), (2, 3, size))
    for place in np.ndindex(2, 3):
        whole = sum((int(value) % 2**width) << (at * width) for at, value in enumerate(values[place]))
        expected = whole.to_bytes(-(-size * width // 8), "little")
        assert arrays.packed(values, width)[place].tobytes() == expected
