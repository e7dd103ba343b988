"""What a build has found, for readers: pages, tables and pictures."""
