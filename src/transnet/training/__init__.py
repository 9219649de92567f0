"""Training: clip data, Lightning modules, the trainer, run folders, pretraining."""
