"""The build of a project of one's own: `doit build` in this folder."""

from hlspike.dodo import *  # noqa: F403
