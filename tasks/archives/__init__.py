"""Arrays on disk: archives as large as memory or larger, and the traces in them."""
