"""Exact arithmetic behind `fixed`, and arrays as users give them."""
