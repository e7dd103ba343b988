"""What a configuration names as the user's: a module, its parameters, an archive of sequences."""
