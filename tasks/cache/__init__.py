"""The shared cache of results, and its care."""
