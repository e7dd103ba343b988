"""The type of every value: as configured, or from the values themselves."""
