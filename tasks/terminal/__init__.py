"""What is typed and what is said."""
