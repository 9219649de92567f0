"""Using a trained recognizer."""
