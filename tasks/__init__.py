"""The impure shell around the generators: doit, Hydra, files and processes."""
