"""Neurons, a module each: equations, and how a class of snnTorch maps to them. Nothing else knows a neuron by name."""
