"""Speed on this machine, side by side with baselines: ``transnet benchmark``."""
