"""The worked example POST /orders: five tasks, twelve scenarios, checks of log and database."""
