"""The network: knows tensors, no files and no videos."""
