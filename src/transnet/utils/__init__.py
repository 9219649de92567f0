"""What any layer may use: progress, paths, whole files, threads, evenly spaced indices."""
