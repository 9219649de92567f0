"""The tables of the paper, with the figures of this package: ``transnet reproduce``."""
