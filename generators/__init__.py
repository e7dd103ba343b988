"""The pure core: every stage is a function from one frozen value to the next. No files, no processes."""
