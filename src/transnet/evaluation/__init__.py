"""Honest figures of a trained recogniser, and a page to read them on."""
