"""From files and overrides to validated variants."""
