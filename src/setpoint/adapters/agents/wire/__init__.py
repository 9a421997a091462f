"""The providers' public wire formats, without any input or output: request bytes out, events in."""
