"""What setpoint adds, beside the bare limit: the same HTTP calls, git and test commands with nothing around them."""
