"""Speed on this machine, side by side with what it can be compared with: ``transnet benchmark``."""
