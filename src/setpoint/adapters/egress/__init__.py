"""The only way out of a sandbox: a proxy on the host for named hosts, and its end inside."""
