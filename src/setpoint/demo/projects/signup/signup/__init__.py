"""Account signup over HTTP."""
