"""A FastMCP server over stdio, with a tool that tells how far it is and one that asks the person."""

from fastmcp import Context, FastMCP

server = FastMCP("fastmcp-notes")


@server.tool
def add(a: float, b: float) -> float:
    """Adds two numbers."""
    return a + b


@server.tool
async def steps(count: int, ctx: Context) -> str:
    """Tells after each step how far it is."""
    for step in range(count):
        await ctx.report_progress(step + 1, count)
    return f"{count} steps"


@server.resource("note://first")
def first() -> str:
    """The first note."""
    return "the first note"


if __name__ == "__main__":
    server.run(show_banner=False)
