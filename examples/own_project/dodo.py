"""The build of a project of one's own: `doit build` in this folder."""

from hlspike.tasks.dodo import *  # noqa: F403
