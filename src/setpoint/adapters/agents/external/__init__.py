"""Agents that people have: programs that run in the sandbox, speak ACP, and ask models through our relay."""
