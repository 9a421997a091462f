"""Frozen, closed records in the order a run writes them. Imports nothing of ours."""
