"""Servers of further tools (MCP), each a program in the sandbox."""
