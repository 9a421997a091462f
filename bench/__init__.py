"""What setpoint adds, beside the bare limit: the same HTTP calls, git and test commands with nothing around them."""

from setpoint.startup import prepare

prepare()  # as the command line does before it imports anything heavy
