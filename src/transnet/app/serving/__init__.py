"""A run behind HTTP: uploads, decoding with limits, one model thread, streams, jobs."""
