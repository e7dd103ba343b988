"""YAML files as a configuration means them."""
