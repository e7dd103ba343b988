"""The models and data sets that the shipped configurations name; each is what a user would write for a network."""
