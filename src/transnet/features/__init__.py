"""What the image network makes of each frame, computed once and kept."""
