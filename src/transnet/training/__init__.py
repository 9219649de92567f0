"""Teaching: features of a frozen backbone, the Lightning module, the training itself."""
