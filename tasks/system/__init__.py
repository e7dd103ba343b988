"""Files, folders, locks and processes, as a build needs them."""
