"""What a split hides: clips of one origin on both sides, and what they are worth."""
