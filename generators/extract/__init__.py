"""From a trained model to a Network and its parameters; the only part of the core that imports torch."""
