"""What an agent's command tries to get out, tried for real, and judged by what the host sees of it."""
