"""Honest figures of a trained recognizer, and a page to read them on."""
