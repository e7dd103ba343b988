"""Which file a path means after links have been made and files have been moved."""

from __future__ import annotations

from pathlib import Path

from hlspike.tasks.inputs import journal
from hlspike.tasks.inputs.journal import Look, Names


def read(tmp_path: Path, *records: tuple[str, ...]) -> dict[str, Look]:
    log = tmp_path / "log"
    log.write_bytes("".join("\0".join((*record, "", "")[:3]) + "\0" for record in records).encode())
    return dict(journal.read(log).looks)


AT = "r1:2:3:4:5"


def test_a_path_leads_where_its_links_lead() -> None:
    names = Names()
    names.lead("/a/link", "/b")
    names.lead("/b/next", "/a/../c")
    assert names.real("/a/link/next/x") == "/c/x"
    assert names.here("/a/link") == "/a/link" and names.here("/a/link/next") == "/b/next"
    names.forget("/a/link")
    assert names.real("/a/link/next/x") == "/a/link/next/x"


def test_links_in_a_circle_end() -> None:
    names = Names()
    names.lead("/a", "/b")
    names.lead("/b", "/a")
    assert names.real("/a/x") in ("/a/x", "/b/x")


def test_what_is_moved_leads_back_until_it_is_moved_back() -> None:
    names = Names()
    names.move("/a", "/b", known=False)
    names.move("/b", "/c", known=False)
    assert names.real("/c/x") == "/a/x" and names.real("/b/x") == "/b/x"
    names.move("/c", "/a", known=False)
    assert names.real("/a/x") == "/a/x"
    names.move("/own", "/a", known=True)
    assert names.real("/a") == "/a"


def test_links_move_with_their_folder() -> None:
    names = Names()
    names.lead("/own/link", "/in")
    names.move("/own", "/other", known=True)
    assert names.real("/other/link/x") == "/in/x" and names.real("/own/link") == "/own/link"


def test_what_is_read_under_another_name_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, ("s1:2:3:4:5", "/a/in"), ("n", "/a/own", "/a/in"), (AT, "/a/own"), ("d", "/a/own"))
    assert found["/a/in"].read == ["1:2:3:4:5"] and not found["/a/in"].own and found["/a/in"].written
    assert found["/a/own"].own


def test_what_a_call_made_stays_its_own_under_another_name(tmp_path: Path) -> None:
    found = read(tmp_path, ("w", "/a/part"), ("n", "/a/own", "/a/part"), (AT, "/a/own"))
    assert all(look.own and not look.read for look in found.values())


def test_a_link_that_is_removed_is_no_change_of_what_it_led_to(tmp_path: Path) -> None:
    found = read(tmp_path, ("w", "/a/link", "in"), (AT, "/a/link"), ("d", "/a/link"))
    assert found["/a/in"].read and not found["/a/in"].written
    written = read(tmp_path, ("w", "/a/link", "in"), ("a", "/a/link"))
    assert written["/a/in"].written
