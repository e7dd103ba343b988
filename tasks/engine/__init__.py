"""Tasks that cost what changed: what a result rests on, what is recorded of it, and why it runs again."""
