"""Datasets of clips: what a user types as DATA, as one manifest."""
