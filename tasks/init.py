"""The command `hlspike`: a project that builds, and the version. Everything else is doit's.

    hlspike init FOLDER
    hlspike --version
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from hlspike.generators.errors import ConfigError
from hlspike.tasks.layout import PACKAGE

_EXAMPLE = PACKAGE / "examples" / "own_project"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; `arguments` default to the command line's."""
    parser = argparse.ArgumentParser(prog="hlspike", description="A build is `doit build` in the folder of a project.")
    parser.add_argument("--version", action="version", version=f"hlspike {version('hlspike')}")
    commands = parser.add_subparsers(required=True, metavar="command")
    init = commands.add_parser("init", help="write a small project that builds into a folder")
    init.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    try:
        made = write(given.folder)
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{', '.join(made)} in {given.folder}; build it there with `doit build`")
    return 0


def write(folder: Path) -> list[str]:
    """Write the example project into `folder`; returns the names of the files.

    Raises:
        ConfigError: one of its files is there already; nothing has been written then.
    """
    contents = {
        path.relative_to(_EXAMPLE): path.read_bytes()
        for path in sorted(_EXAMPLE.rglob("*"))
        if path.suffix in (".py", ".yaml", ".cfg") and path.is_file()
    }
    for name in contents:
        if (folder / name).exists():
            raise ConfigError(f"{folder / name}: is there already, and nothing is overwritten; name another folder")
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [name.as_posix() for name in contents]


if __name__ == "__main__":
    sys.exit(main())
