"""Predictions of trained networks: clips, streams, timelines, masks, features."""
