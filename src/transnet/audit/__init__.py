"""How much a split leaks, and how that affects the accuracy: ``transnet audit``."""
