"""Whatever way the user's code reads: what it read is an input, and a change of it is seen.

Each case is a function of a user's data.py that is called as a build does, and a change after which the step must run
again. The folder holds a file of each format; `FOREIGN` lies outside.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from calling import call

from hlspike.tasks.engine import states


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "project"
    (folder / "clips").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    _furnish(folder, tmp_path)
    return folder


def _furnish(folder: Path, around: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"first line of {name}\n")
        (folder / "clips" / name).write_text(name)
    np.save(folder / "rates.npy", np.arange(12.0))
    np.savez(folder / "rates.npz", rates=np.arange(12.0))
    np.arange(12.0).tofile(folder / "raw.bin")
    torch.save({"w": torch.ones(3)}, folder / "w.pt")
    with h5py.File(folder / "rec.h5", "w") as file:
        file["rates"] = np.arange(12.0)
    base = sqlite3.connect(folder / "rec.db")
    base.executescript("create table t(a); insert into t values (1)")
    base.close()
    with zipfile.ZipFile(folder / "rec.zip", "w") as archive:
        archive.writestr("a", "b")
    os.symlink("one.txt", folder / "current.txt")
    for name in ("one\ntwo", os.fsdecode(b"caf\xe9"), "package:numpy"):
        (folder / name).write_text("a name")
    with zipfile.ZipFile(folder / "mods.zip", "w") as archive:
        archive.writestr("zipped.py", "SIZE = 3\n")
    (folder / "prep.sh").write_text("#!/bin/sh\nhead -c 3 one.txt\n")
    (folder / "prep.sh").chmod(0o755)
    (folder / "prep.py").write_text("print(open('one.txt').read())")
    (folder / "settings.py").write_text("SIZE = 3\n")
    (folder / "nets").mkdir()
    (folder / "nets" / "sizes.py").write_text("SIZE = 3\n")
    for place in (around / "outside", around / "home"):
        place.mkdir()
        (place / "rec.txt").write_text("recorded")


def _again(path: str) -> Callable[[], object]:
    """Rewrite a file: as many bytes, the time as it was."""

    def change() -> None:
        file = Path(path)
        data, found = file.read_bytes(), file.stat()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))

    return change


def _new(path: str, text: str = "") -> Callable[[], object]:
    return lambda: Path(path).write_text(text)


def _gone(path: str) -> Callable[[], object]:
    return lambda: Path(path).unlink()


def _touched(path: str) -> Callable[[], object]:
    """A later time, and nothing else."""
    return lambda: os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 10**12))


def _allowed(path: str, mode: int) -> Callable[[], object]:
    return lambda: os.chmod(path, mode)


def _relinked() -> None:
    Path("current.txt").unlink()
    os.symlink("two.txt", "current.txt")


DATASET = """
import torch
class Clips(torch.utils.data.Dataset):
    def __len__(self): return 4
    def __getitem__(self, k): return torch.tensor(float(len(open('one.txt').read())))
"""
READ = "def read(name): return open(name).read()"
C = "#include <stdio.h>\nint main(void) { FILE *f = fopen(\"one.txt\", \"r\"); return fgetc(f) < 0; }\n"
WALK = """#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <glob.h>
#include <stdlib.h>
static int each(const char *p, const struct stat *s, int k, struct FTW *f) { return 0; }
int main(int n, char **v) {
    glob_t found;
    if (n > 1) return glob("clips/*.txt", 0, 0, &found);
    return nftw("clips", each, 4, 0);
}
"""

WAYS: dict[str, tuple[str, Callable[[], object]] | tuple[str, Callable[[], object], str]] = {
    "open": ("open('one.txt').read()", _again("one.txt")),
    "open for update": ("open('one.txt', 'r+').read()", _again("one.txt")),
    "open bytes for update": ("open('one.txt', 'rb+').read()", _again("one.txt")),
    "read, closed and read again": ("for k in range(3): open('one.txt').read()", _again("one.txt")),
    "pathlib": ("from pathlib import Path\nPath('one.txt').read_bytes()", _again("one.txt")),
    "io.FileIO": ("import io\nio.FileIO('one.txt').read()", _again("one.txt")),
    "os.open": ("os.read(os.open('one.txt', os.O_RDONLY), 9)", _again("one.txt")),
    "relative to a descriptor": (
        "os.open('one.txt', os.O_RDONLY, dir_fd=os.open('clips', os.O_RDONLY))", _again("clips/one.txt")),
    "below another directory": ("os.chdir('clips')\nopen('one.txt').read()", _again("clips/one.txt")),
    "by way of ..": ("open('clips/../nets/../one.txt').read()", _again("one.txt")),
    "by the name of a descriptor": (
        "with open('one.txt') as f: open(f'/proc/self/fd/{f.fileno()}').read()", _again("one.txt")),
    "by /dev/fd": ("with open('one.txt') as f: open(f'/dev/fd/{f.fileno()}').read()", _again("one.txt")),
    "by its whole path": ("open(os.path.abspath('one.txt')).read()", _again("one.txt")),
    "outside of the project": ("open('../outside/rec.txt').read()", _again("../outside/rec.txt")),
    "at home": ("open(os.path.expanduser('~/rec.txt')).read()", _again("../home/rec.txt")),
    "numpy.load": ("np.load('rates.npy')", _again("rates.npy")),
    "numpy.load of an archive": ("np.load('rates.npz')['rates']", _again("rates.npz")),
    "numpy.load, mapped": ("np.load('rates.npy', mmap_mode='r')[3]", _again("rates.npy")),
    "numpy.fromfile": ("np.fromfile('raw.bin')", _again("raw.bin")),
    "numpy.loadtxt": ("np.genfromtxt('one.txt', dtype=str)", _again("one.txt")),
    "memmap to read": ("np.memmap('raw.bin', mode='r')[0]", _again("raw.bin")),
    "memmap to copy": ("np.memmap('raw.bin', mode='c')[0]", _again("raw.bin")),
    "memmap to write": ("np.memmap('raw.bin', mode='r+')[0]", _again("raw.bin")),
    "mmap": ("import mmap\nwith open('one.txt', 'rb') as f: mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[0]",
             _again("one.txt")),
    "h5py": ("import h5py\nh5py.File('rec.h5', 'r')['rates'][:]", _again("rec.h5")),
    "h5py for update": ("import h5py\nwith h5py.File('rec.h5', 'r+') as f: f['rates'][:]", _again("rec.h5")),
    "h5py to append": ("import h5py\nwith h5py.File('rec.h5', 'a') as f: f['rates'][:]", _again("rec.h5")),
    "sqlite3": ("import sqlite3\nsqlite3.connect('rec.db').execute('select * from t').fetchall()", _again("rec.db")),
    "sqlite3, read only": (
        "import sqlite3\nsqlite3.connect('file:rec.db?mode=ro', uri=True).execute('select * from t').fetchall()",
        _again("rec.db")),
    "torch.load": ("import torch\ntorch.load('w.pt', weights_only=True)", _again("w.pt")),
    "torch.load, mapped": ("import torch\ntorch.load('w.pt', weights_only=True, mmap=True)", _again("w.pt")),
    "torch.from_file": ("import torch\ntorch.from_file('raw.bin', size=3)", _again("raw.bin")),
    "zipfile": ("import zipfile\nzipfile.ZipFile('rec.zip').read('a')", _again("rec.zip")),
    "pandas": ("import pandas\npandas.read_csv('one.txt')", _again("one.txt")),
    "scipy": ("import scipy.io\ntry: scipy.io.loadmat('raw.bin')\nexcept Exception: pass", _again("raw.bin")),
    "a copy": ("import shutil, tempfile\nwith tempfile.TemporaryDirectory() as d: "
               "open(shutil.copy('one.txt', d)).read()", _again("one.txt")),
    "a hard link": ("os.link('one.txt', 'other.txt')\nopen('other.txt').read()", _again("one.txt")),
    "through a symbolic link": ("open('current.txt').read()", _again("one.txt")),
    "a symbolic link that leads elsewhere": ("open('current.txt').read()", _relinked),
    "where a symbolic link leads": ("os.readlink('current.txt')", _relinked),
    "the real path of a link": ("os.path.realpath('current.txt')", _relinked),
    "workers of a DataLoader": (
        "list(torch.utils.data.DataLoader(Clips(), num_workers=2))", _again("one.txt"), DATASET),
    "workers of a DataLoader, spawned": (
        "list(torch.utils.data.DataLoader(Clips(), num_workers=1, multiprocessing_context='spawn'))", _again("one.txt"),
        DATASET),
    "threads": ("from concurrent.futures import ThreadPoolExecutor\n"
                "with ThreadPoolExecutor(4) as pool: list(pool.map(read, ['one.txt', 'two.txt']))",
                _again("two.txt"), READ),
    "processes": ("import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n"
                  "    pool.map(read, ['two.txt'])", _again("two.txt"), READ),
    "os.fork": ("if os.fork() == 0:\n    open('one.txt').read()\n    os._exit(0)\nos.wait()", _again("one.txt")),
    "another program": ("import subprocess\nsubprocess.run(['cat', 'one.txt'], check=True, capture_output=True)",
                        _again("one.txt")),
    "a shell": ("os.system('head -n1 < one.txt > /dev/null')", _again("one.txt")),
    "os.popen": ("os.popen('wc -c one.txt').read()", _again("one.txt")),
    "a script that is run": ("os.popen('./prep.sh').read()", _again("prep.sh")),
    "what a script reads": ("import subprocess\nsubprocess.run(['./prep.sh'], capture_output=True)", _again("one.txt")),
    "what another Python reads": ("import subprocess\nsubprocess.run([sys.executable, 'prep.py'], capture_output=True)",
                                  _again("one.txt")),
    "posix_spawn": ("os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', 'read x < one.txt'], os.environ), 0)",
                    _again("one.txt")),
    "a program in C": ("import subprocess\nassert subprocess.run(['./reader']).returncode == 0", _again("one.txt")),
    "the program itself": ("import subprocess\nsubprocess.run(['./reader'])", _again("reader")),
    "a library": ("import ctypes\nctypes.CDLL('./lib.so')", _again("lib.so")),
    "a system call by its number": (
        "import ctypes\nctypes.CDLL(None).syscall(257, -100, b'one.txt', 0, 0)", _again("one.txt")),
    "fopen": ("import ctypes\nctypes.CDLL(None).fopen(b'one.txt', b'r')", _again("one.txt")),
    "os.listdir": ("os.listdir('clips')", _new("clips/three.txt")),
    "one that is gone from a list": ("os.listdir('clips')", _gone("clips/two.txt")),
    "os.scandir": ("list(os.scandir('clips'))", _new("clips/three.txt")),
    "a descriptor listed": ("os.listdir(os.open('clips', os.O_RDONLY))", _new("clips/three.txt")),
    "glob": ("import glob\nglob.glob('clips/*.txt')", _new("clips/three.txt")),
    "Path.rglob": ("from pathlib import Path\nlist(Path('.').rglob('*.txt'))", _new("clips/three.txt")),
    "os.walk": ("list(os.walk('clips'))", _new("clips/three.txt")),
    "os.fwalk": ("list(os.fwalk('clips'))", _new("clips/three.txt")),
    "names that a shell lists": ("os.system('echo clips/* > /dev/null')", _new("clips/three.txt")),
    "ls": ("os.system('ls clips > /dev/null')", _new("clips/three.txt")),
    "find": ("os.system('find clips -name x > /dev/null')", _new("clips/three.txt")),
    "nftw": ("import subprocess\nsubprocess.run(['./walker'])", _new("clips/three.txt")),
    "glob of C": ("import subprocess\nsubprocess.run(['./walker', 'glob'])", _new("clips/three.txt")),
    "a folder listed that was missing": ("import glob\nglob.glob('more/*')", lambda: Path("more").mkdir()),
    "what is there": ("assert os.path.exists('one.txt')", _gone("one.txt")),
    "what is missing": ("assert not os.path.exists('three.txt')", _new("three.txt")),
    "what is missing to a shell": ("os.system('test -e three.txt')", _new("three.txt")),
    "what is missing to access": ("os.access('three.txt', os.R_OK)", _new("three.txt")),
    "a file that cannot be opened": ("try: open('three.txt')\nexcept OSError: pass", _new("three.txt")),
    "what cannot be listed": ("try: os.listdir('more')\nexcept OSError: pass", lambda: Path("more").mkdir()),
    "how large": ("os.path.getsize('one.txt')", _new("one.txt", "another size")),
    "a module": ("import settings", _again("settings.py")),
    "a module of a package": ("import nets.sizes", _again("nets/sizes.py")),
    "a package that is found before a module": ("import settings", lambda: (
        Path("settings").mkdir(), Path("settings/__init__.py").write_text("SIZE = 4"))),
    "a module that is found before a package": ("import yaml", _new("yaml.py", "")),
    "a module that was missing": ("try: import local_settings\nexcept ImportError: pass", _new("local_settings.py")),
    "importlib": ("import importlib\nimportlib.import_module('settings')", _again("settings.py")),
    "exec": ("exec(open('settings.py').read())", _again("settings.py")),
    "runpy": ("import runpy\nrunpy.run_path('settings.py')", _again("settings.py")),
    "a place added to sys.path": ("sys.path.insert(0, 'nets')\nimport sizes", _again("nets/sizes.py")),
    "the code itself": ("pass", _again("data.py")),
    "a name with a line break": ("open('one\\ntwo').read()", _again("one\ntwo")),
    "a name that is no text": ("open(b'caf\\xe9').read()", _again(os.fsdecode(b"caf\xe9"))),
    "a name like that of a package": ("open('package:numpy').read()", _again("package:numpy")),
    "an archive of modules": ("sys.path.insert(0, 'mods.zip')\nimport zipped", _again("mods.zip")),
    "a resource of a package": (
        "import importlib.resources\nimportlib.resources.files('nets').joinpath('sizes.py').read_text()",
        _again("nets/sizes.py")),
    "pkgutil": ("import pkgutil, nets\nlist(pkgutil.iter_modules(nets.__path__))", _new("nets/more.py")),
    "tarfile": ("import tarfile\ntry: tarfile.open('rec.zip')\nexcept tarfile.TarError: pass", _again("rec.zip")),
    "urllib": ("import urllib.request\nurllib.request.urlopen('file://' + os.path.abspath('one.txt')).read()",
               _again("one.txt")),
    "asyncio": ("import asyncio\nasync def cat():\n    p = await asyncio.create_subprocess_exec('cat', 'one.txt', "
                "stdout=-1)\n    return await p.communicate()\nasyncio.run(cat())", _again("one.txt")),
    "a program that is searched for": ("import shutil\nshutil.which('prep.sh', path='clips:.')", _gone("prep.sh")),
    "a fork server": ("import multiprocessing\nwith multiprocessing.get_context('forkserver').Pool(1) as pool:\n"
                      "    pool.map(read, ['two.txt'])", _again("two.txt"), READ),
    "perl": ("os.system('perl -pe 1 one.txt > /dev/null')", _again("one.txt")),
    "node": ("os.system('node -e \\'require(\"fs\").readFileSync(\"one.txt\")\\'')", _again("one.txt")),
    "an empty environment": (
        "import subprocess\nsubprocess.run(['/bin/cat', 'one.txt'], env={}, capture_output=True)", _again("one.txt")),
    "an environment of its own": (
        "import subprocess\nsubprocess.run(['cat', 'one.txt'], env={'PATH': os.environ['PATH']}, capture_output=True)",
        _again("one.txt")),
    "env -i": ("os.system('env -i cat one.txt > /dev/null')", _again("one.txt")),
    "a shell that unsets": ("os.system('unset LD_PRELOAD HLSPIKE_RECORD; cat one.txt > /dev/null')", _again("one.txt")),
    "another library before it": (
        "import subprocess\nsubprocess.run(['cat', 'one.txt'], env={'LD_PRELOAD': ''}, capture_output=True)",
        _again("one.txt")),
    "posix_spawn with nothing": (
        "os.waitpid(os.posix_spawn('/bin/cat', ['cat', 'one.txt'], {}), 0)", _again("one.txt")),
    "a cleared environment": ("os.environ.clear()\nos.system('/bin/cat one.txt > /dev/null')", _again("one.txt")),
    "workers without an environment": (
        "import multiprocessing\nos.environ.clear()\nwith multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "    pool.map(read, ['two.txt'])", _again("two.txt"), READ),
    "a function of the C library by its handle": (
        "import ctypes\nctypes.CDLL('libc.so.6').fopen(b'one.txt', b'r')", _again("one.txt")),
    "a folder by that handle": ("import ctypes\nctypes.CDLL('libc.so.6').opendir(b'clips')", _new("clips/three.txt")),
    "the folder of a process": ("open('/proc/self/cwd/one.txt').read()", _again("one.txt")),
    "the root of a process": ("open(f'/proc/{os.getpid()}/root{os.getcwd()}/one.txt').read()", _again("one.txt")),
    "that folder, listed": ("os.listdir('/proc/self/cwd/clips')", _new("clips/three.txt")),
    "below a descriptor": ("k = os.open('clips', os.O_RDONLY)\nopen(f'/proc/self/fd/{k}/one.txt').read()",
                           _again("clips/one.txt")),
    "a link of its own": ("os.symlink('clips', 'own')\nopen('own/one.txt').read()", _again("clips/one.txt")),
    "a link of its own, listed": ("os.symlink('clips', 'own')\nos.listdir('own')", _new("clips/three.txt")),
    "a link in a temporary folder": (
        "import tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    os.symlink(os.path.abspath('one.txt'), d + '/x')\n    open(d + '/x').read()", _again("one.txt")),
    "a farm of links": ("os.system('cp -rs $PWD/clips own && cat own/one.txt > /dev/null')", _again("clips/one.txt")),
    "a file moved away and back": (
        "os.rename('one.txt', 'own'); open('own').read(); os.rename('own', 'one.txt')", _again("one.txt")),
    "a folder moved away and back": (
        "os.rename('clips', 'own'); open('own/one.txt').read(); os.rename('own', 'clips')", _again("clips/one.txt")),
    "a hard link that is gone again": ("os.link('one.txt', 'own'); open('own').read(); os.unlink('own')",
                                       _again("one.txt")),
    "the newest file": ("import glob\nmax(glob.glob('clips/*.txt'), key=os.path.getmtime)", _touched("clips/one.txt")),
    "the newest of a list": ("sorted(os.scandir('clips'), key=lambda entry: entry.stat().st_mtime)",
                             _touched("clips/one.txt")),
    "the newest to a program": ("os.system('ls -t clips > /dev/null')", _touched("clips/one.txt")),
    "one newer than another": ("os.system('test one.txt -nt two.txt')", _touched("one.txt")),
    "a file that may be run": ("os.access('one.txt', os.X_OK)", _allowed("one.txt", 0o755)),
    "a program that may be run": ("import shutil\nos.system(shutil.which('prep.sh', path='.'))",
                                  _allowed("prep.sh", 0o644)),
    "what is no folder": ("try: os.listdir('one.txt')\nexcept OSError: pass", _gone("one.txt")),
    "joblib": ("import joblib\nimport numpy\njoblib.hash(open('one.txt').read())", _again("one.txt")),
}
"""Name → the body of a function, a change, and what stands above the function."""


@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_in_any_way_is_an_input(way: str, here: Path) -> None:
    body, change, *before = WAYS[way]
    program = way if way in ("perl", "node") else "sh"
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    if "./reader" in body or "./walker" in body or "lib.so" in body:
        _compiled()
    found = call(body, *before)
    assert all(states.unchanged(name, known) for name, known in found.items()), "it is not up to date when it is done"
    change()
    assert not all(states.unchanged(name, known) for name, known in found.items()), found


def _compiled() -> None:
    for name, text in (("reader", C), ("walker", WALK)):
        Path(f"{name}.c").write_text(text)
        subprocess.run(["g++", "-x", "c", f"{name}.c", "-o", name], check=True)
    Path("lib.c").write_text("int three(void) { return 3; }")
    subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "lib.c", "-o", "lib.so"], check=True)
