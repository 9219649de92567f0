"""Using a trained recogniser."""
