"""Experiments: one training or a grid of them, evaluated, with a table of results."""
