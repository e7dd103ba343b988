"""The tasks of a build, for the dodo.py of a project: `from hlspike.dodo import *`."""

from hlspike.tasks.dodo import *  # noqa: F403
