"""What the model says and does, phase by phase."""
