"""A server of the official Python SDK over stdio."""

from mcp.server import MCPServer

server = MCPServer("mcp-notes")


@server.tool()
def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


@server.resource("note://second")
def second() -> str:
    """The second note."""
    return "the second note"


if __name__ == "__main__":
    server.run()
