"""Photos with masks of the people in them, for TransNet+."""
