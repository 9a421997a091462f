"""Real cases: published packages at the release before a real fix, and the judge of a run on them."""
