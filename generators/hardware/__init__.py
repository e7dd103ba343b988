"""What the hardware can be asked for: lanes, storage, strategies, and the limits of the tools."""
