"""The build of a project of one's own: `doit build` in this folder."""

from tasks.dodo import *  # noqa: F403
