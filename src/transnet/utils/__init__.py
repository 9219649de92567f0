"""Helpers for every layer: progress, paths, atomic files, threads, evenly spaced choices."""
