"""FastMCP's client with its own OAuth, its tokens in a directory, signing in through the browser."""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import traceback
import webbrowser
from pathlib import Path
from urllib.parse import parse_qs

import fastmcp
import httpx2
from fastmcp import Client
from fastmcp.client.auth import OAuth, oauth
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StreamableHttpTransport
from key_value.aio.stores.filetree import (
    FileTreeStore,
    FileTreeV1CollectionSanitizationStrategy,
    FileTreeV1KeySanitizationStrategy,
)
from mcp import MCPError

HERE = Path(__file__).parent
BROWSER = [str(HERE / "node_modules/.bin/node"), str(HERE / "browser.mjs")]
CONNECT = [str(HERE / "node_modules/.bin/node"), str(HERE / "connect.mjs")]
URL_ELICITATION_REQUIRED = -32042


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--call", action="append", default=[], metavar="NAME[=JSON]")
    parser.add_argument("--expire", action="store_true", help="the stored token has expired")
    parser.add_argument("--expire-between", action="store_true", help="... after tools/list")
    parser.add_argument("--scopes")
    parser.add_argument("--protocol", default="auto", help="auto, legacy, or a modern revision")
    parser.add_argument("--connect", help="the account to connect when a tool asks for it")
    parser.add_argument("--timeout", type=float, default=120)
    for name in (
        "username", "password", "provider", "keep-scopes", "screenshots", "locale", "profile"
    ):
        parser.add_argument(f"--{name}")
    parser.add_argument("--deny", action="store_true")
    return parser.parse_args()


def person_environment(options: argparse.Namespace) -> dict[str, str]:
    """The person for `browser.mjs`; what is not given stays with the inherited environment."""
    names = (
        "username", "password", "provider", "keep_scopes", "screenshots", "locale", "profile"
    )
    given = {name: getattr(options, name) for name in names} | {"deny": "1" if options.deny else None}
    return {f"PERSON_{name.upper()}": text for name, text in given.items() if text is not None}


class Record(dict):
    """What this driver answers; also the observer of every request the client makes."""

    def __init__(self) -> None:
        super().__init__(client=f"fastmcp {fastmcp.__version__}", browserOpened=0)
        self.update(registered=False, refreshed=False, signIns=[], requests=[], connected=[])

    async def note(self, response: httpx2.Response) -> None:
        request = response.request
        noted = {"method": request.method, "url": str(request.url), "status": response.status_code}
        if request.headers.get("content-type") == "application/x-www-form-urlencoded":
            form = parse_qs(request.content.decode())
            for name in ("grant_type", "scope", "resource"):
                if name in form:
                    noted[name] = form[name][0]
        self["requests"].append(noted)
        if noted.get("grant_type") == "refresh_token" and response.is_success:
            self["refreshed"] = True
        if response.status_code == 201:
            self["registered"] = True

    def http_client(self, **settings: object) -> httpx2.AsyncClient:
        # As patient as what FastMCP makes by itself: programs behind a gateway take their time to start.
        if settings.get("timeout") is None:
            settings["timeout"] = httpx2.Timeout(30.0, read=300.0)
        return httpx2.AsyncClient(**settings, event_hooks={"response": [self.note]})


def token_store(directory: Path) -> FileTreeStore:
    """FastMCP's keys are URLs, so they are made into file names."""
    directory.mkdir(parents=True, exist_ok=True)
    return FileTreeStore(
        data_directory=directory,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(directory),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(directory),
    )


class PersonOAuth(OAuth):
    """FastMCP's flow as it is, with a headless person where it opens the desktop's browser."""

    def __init__(self, record: Record, options: argparse.Namespace) -> None:
        super().__init__(
            mcp_url=options.url,
            scopes=options.scopes,
            client_name="FastMCP client",
            token_storage=token_store(options.state),
            callback_timeout=options.timeout,
        )
        self.record = record
        self.environment = os.environ | person_environment(options)
        self.sign_in: asyncio.Task[None] | None = None

    async def redirect_handler(self, authorization_url: str) -> None:
        """Keeps FastMCP's own preflight, and takes the URL where it would open a browser."""
        opened: list[str] = []
        webbrowser.open = opened.append  # type: ignore[assignment]
        await super().redirect_handler(authorization_url)
        self.authorization_url = opened[0]

    async def callback_handler(self):
        """Starts the person as soon as FastMCP's callback server listens."""
        create = oauth.create_oauth_callback_server

        def create_and_watch(**settings: object):
            server = create(**settings)
            startup = server.startup

            async def startup_then_sign_in(*args: object, **keywords: object) -> None:
                await startup(*args, **keywords)
                self.sign_in = asyncio.create_task(self.send_person(asyncio.current_task()))

            server.startup = startup_then_sign_in
            return server

        oauth.create_oauth_callback_server = create_and_watch
        try:
            return await super().callback_handler()
        finally:
            oauth.create_oauth_callback_server = create
            if self.sign_in is not None:
                await self.sign_in

    async def send_person(self, server: asyncio.Task[None]) -> None:
        self.record["browserOpened"] += 1
        environment = self.environment
        if self.record["browserOpened"] > 1:
            # What was unticked at the first sign-in is not unticked again.
            environment = {k: v for k, v in environment.items() if k != "PERSON_KEEP_SCOPES"}
        browser = await asyncio.create_subprocess_exec(
            *BROWSER, self.authorization_url, env=environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            output, _ = await browser.communicate()
        finally:
            if browser.returncode is None:
                browser.terminate()
        self.record["signIns"].append(json.loads(output))
        if browser.returncode != 0:
            # Nobody will come to the callback server, so there is nothing left to wait for.
            server.cancel()

    async def expire(self) -> None:
        """Moves the expiry that FastMCP keeps for its token into the past, on disk and in memory."""
        if await self.token_storage_adapter.get_tokens() is None:
            raise RuntimeError("there is no stored token that could expire")
        await self.token_storage_adapter._key_value_store.put(
            key=self.token_storage_adapter._get_token_expiry_cache_key(),
            value={"expires_at": time.time() - 1},
            collection="mcp-oauth-token-expiry",
        )
        if self.context.current_tokens is not None:
            self.context.token_expiry_time = time.time() - 1


class Links:
    """Opens the links of tools in the browser, as the person who called."""

    def __init__(self, record: Record, options: argparse.Namespace) -> None:
        self.record, self.account = record, options.connect
        self.environment = os.environ | person_environment(options)

    async def open(self, url: str) -> None:
        browser = await asyncio.create_subprocess_exec(
            *CONNECT, url, "--account", self.account,
            env=self.environment, stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await browser.communicate()
        self.record["connected"].append({"url": url, **json.loads(output)})

    async def answer(self, _message: str, _type: object, params: object, _context: object):
        """What FastMCP does for a server of 2026-07-28, before it repeats the call by itself."""
        await self.open(params.url)
        return ElicitResult(action="accept")


async def call_tool(client: Client, text: str, links: Links) -> dict[str, object]:
    name, _, given = text.partition("=")
    arguments = json.loads(given) if given else {}
    try:
        result = await client.call_tool_mcp(name, arguments)
    except MCPError as error:
        if error.error.code != URL_ELICITATION_REQUIRED or links.account is None:
            return {"tool": name, "error": str(error)}
        await links.open(error.error.data["elicitations"][0]["url"])
        result = await client.call_tool_mcp(name, arguments)
    except Exception as error:
        return {"tool": name, "error": str(error)}
    texts = [part.text for part in result.content if part.type == "text"]
    structured = result.model_dump(by_alias=True).get("structuredContent")
    return {
        "tool": name,
        "isError": bool(result.model_dump(by_alias=True).get("isError")),
        "text": texts,
        "structured": structured,
    }


async def main(options: argparse.Namespace, record: Record) -> None:
    auth = PersonOAuth(record, options)
    if options.expire:
        await auth.expire()
    transport = StreamableHttpTransport(
        options.url, auth=auth, httpx_client_factory=record.http_client
    )
    links = Links(record, options)
    handler = links.answer if options.connect else None
    connecting = Client(transport, mode=options.protocol, elicitation_handler=handler)
    async with asyncio.timeout(options.timeout), connecting as client:
        record["protocolVersion"] = client.protocol_version
        record["tools"] = [tool.name for tool in await client.list_tools()]
        if options.expire_between:
            await auth.expire()
        record["results"] = [await call_tool(client, text, links) for text in options.call]
    tokens = await auth.token_storage_adapter.get_tokens()
    record["scope"] = tokens.scope if tokens else None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    answer = Record()
    try:
        asyncio.run(main(arguments(), answer))
    except (Exception, asyncio.CancelledError) as error:
        traceback.print_exc()
        answer["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(answer))
    sys.exit("error" in answer)
