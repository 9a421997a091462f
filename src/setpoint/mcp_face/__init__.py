"""The face for agents: runs filed, watched and answered over MCP. Nothing here says yes for a person."""
