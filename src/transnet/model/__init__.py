"""The networks. They know tensors; no files, no videos, no command line."""
