"""Functions and operators that forward calls beside its layers: what changes no value, and what joins several."""
