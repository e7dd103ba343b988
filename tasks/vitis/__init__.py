"""vitis."""
