"""Datasets of clips: folders, CSV files and published datasets, each read as a manifest."""
