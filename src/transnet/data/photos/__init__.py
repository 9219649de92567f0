"""Photos with masks of people, for pretraining by segmentation (TransNet+)."""
