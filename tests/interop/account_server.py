"""A FastMCP server that calls an API with the token of the person who called.

Over stdio the token is in the environment (`USER_TOKEN`), over HTTP (`--port`) in a header. `API` is where the API is.
"""

import json
import os
import sys
import urllib.request

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers

server = FastMCP("accounts")


def authorization() -> str | None:
    """What the person's token goes out as, if there is one."""
    if sys.argv[1:]:
        return get_http_headers(include={"authorization"}).get("authorization")
    token = os.environ.get("USER_TOKEN")
    return token and f"Bearer {token}"


@server.tool
def profile() -> dict:
    """Who the person is at the API."""
    headers = {"Authorization": authorization() or ""}
    request = urllib.request.Request(os.environ["API"] + "/user/profile", headers=headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@server.tool
def clock() -> dict:
    """Needs no account, and says whether it was given a token all the same."""
    return {"has_token": authorization() is not None}


if __name__ == "__main__":
    if sys.argv[1:]:
        port = int(sys.argv[sys.argv.index("--port") + 1])
        server.run("http", show_banner=False, port=port)
    else:
        server.run(show_banner=False)
