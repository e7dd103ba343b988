"""Programs that reach files by functions that few call, and those of which nothing is seen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from calling import call

from hlspike.tasks.engine import states

HEAD = """#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int each(const char *path, const struct stat *found, int kind) { return 0; }
int main(int count, char **words) {
    char text[4096], *none[] = {0}, *cat[] = {"cat", "one.txt", 0};
    struct dirent **names;
    (void)each, (void)none, (void)cat, (void)names, (void)text;
"""
BODIES = {
    "execl": 'execl("/bin/cat", "cat", "one.txt", (char *)0);',
    "execlp": 'execlp("cat", "cat", "one.txt", (char *)0);',
    "execle": 'execle("/bin/cat", "cat", "one.txt", (char *)0, none);',
    "fexecve": 'fexecve(open("/bin/cat", O_RDONLY), cat, none);',
    "system": 'clearenv(); return system("/bin/cat one.txt");',
    "popen": 'unsetenv("LD_PRELOAD"); return fread(text, 1, 9, popen("/bin/cat one.txt", "r")) != 9;',
    "setenv": 'setenv("LD_PRELOAD", "", 1); return system("/bin/cat one.txt");',
    "realpath": 'return !realpath("link.txt", text);',
    "readlink": 'return readlink("link.txt", text, (size_t)count * 99) < 0;',
    "readlinkat": 'return readlinkat(AT_FDCWD, "link.txt", text, (size_t)count * 99) < 0;',
    "ftw": 'return ftw("clips", each, 4);',
    "scandirat": 'return scandirat(AT_FDCWD, "clips", &names, 0, 0) < 0;',
}


def compiled(body: str, *flags: str) -> None:
    Path("program.c").write_text(f"{HEAD}    {body}\n    return 1;\n}}\n")
    subprocess.run(["g++", "-x", "c++", "-w", "-O2", "-D_FORTIFY_SOURCE=2", *flags, "program.c", "-o", "program"],
                   check=True)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one.txt", "two.txt", "clips/a.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(f"text of {name}")
    Path("link.txt").symlink_to("one.txt")


@pytest.mark.parametrize("kind", BODIES)
def test_what_a_program_reads_by_a_rare_function_is_an_input(kind: str) -> None:
    compiled(BODIES[kind])
    found = call("import subprocess\nsubprocess.run(['./program'], check=True, capture_output=True)")
    assert all(states.unchanged(name, known) for name, known in found.items())
    Path("one.txt").write_text("another text")
    Path("clips/b.txt").touch()
    Path("link.txt").unlink()
    Path("link.txt").symlink_to("two.txt")
    changed = {name for name, known in found.items() if not states.unchanged(name, known)}
    assert changed & {"one.txt", "clips", "link:link.txt"}, found


@pytest.mark.parametrize("way", ["subprocess.run(['./program'], env={}, check=True)", "os.system('./program')"])
def test_a_program_that_is_linked_statically_is_named(way: str, capfd: pytest.CaptureFixture[str]) -> None:
    compiled('return read(open("one.txt", O_RDONLY), text, 3) != 3;', "-static")
    found = call(f"import subprocess\n{way}")
    assert "program" in found and "one.txt" not in found
    assert capfd.readouterr().err == (
        "stimulus: program is linked statically: what it reads is not seen; name it in data.inputs\n"
    )


def test_the_interpreter_of_a_script_is_looked_at_as_well(capfd: pytest.CaptureFixture[str]) -> None:
    compiled('return read(open("one.txt", O_RDONLY), text, 3) != 3;', "-static")
    Path("script").write_text(f"#!{Path.cwd()}/program -x\n")
    Path("script").chmod(0o755)
    found = call("import subprocess\nsubprocess.run(['./script'], check=True)")
    assert {"script", "program"} <= found.keys()
    assert capfd.readouterr().err.startswith("stimulus: program is linked statically: ")
