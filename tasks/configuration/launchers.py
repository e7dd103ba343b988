"""Launchers of sweeps that are packages of their own."""

from __future__ import annotations

from importlib.util import find_spec

_PLUGINS = {
    "joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher",
    "submitit_slurm": "hydra_submitit_launcher", "slurm": "hydra_submitit_launcher", "ray": "hydra_ray_launcher",
    "ray_aws": "hydra_ray_launcher",
}
"""`slurm` is conf/hydra/launcher/slurm.yaml."""


def missing(launcher: str) -> str | None:
    """What to say of a launcher whose package is not installed; None if it is, or is none of those."""
    plugin = _PLUGINS.get(launcher)
    if plugin is None or installed(plugin):
        return None
    extra = "ray" if launcher.startswith("ray") else "sweep"
    return f"hydra/launcher: {launcher} is not installed; pip install 'hlspike[{extra}]'"


def installed(plugin: str) -> bool:
    try:
        return find_spec(f"hydra_plugins.{plugin}") is not None
    except ModuleNotFoundError:  # of hydra_plugins itself, without any
        return False
