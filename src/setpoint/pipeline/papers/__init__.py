"""Spec, design and plan as files that people know: written from a run's deliverables, and read back into them."""
