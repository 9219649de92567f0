"""What is written to a run folder and read from it: records, weights, lists of clips."""
