"""The tools of MCP servers: where they may be, and how they are listed and called.

Nothing here is loaded before a session names a server: the `mcp` package takes the better part of a second.
"""
