"""Caches on disk: frame features and decoded clips, each computed once."""
