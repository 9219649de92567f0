"""Annotations: labeled videos and segments, from any source, and the manifest that they make."""
