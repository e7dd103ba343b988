"""What was read from a module, and what is asked of it, become the Network."""
