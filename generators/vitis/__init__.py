"""Vitis HLS, as far as it can be had without running it: what it is given, what it says, and what that means."""
