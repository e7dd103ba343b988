"""What many builds have found: tables and pictures."""
