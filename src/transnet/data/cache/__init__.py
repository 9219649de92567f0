"""Frame features and decoded clips, computed once and kept on disk."""
