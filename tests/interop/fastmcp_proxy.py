"""FastMCP's OAuth proxy with its memory store, in front of an identity provider: our flows are measured against it.

FastMCP serves itself, with the least to do that its options allow: nobody is asked for consent, no request is logged.
"""

import argparse

import uvloop
from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.jwt import JWTVerifier
from key_value.aio.stores.memory import MemoryStore


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--provider", required=True, help="the issuer of the identity provider")
    parser.add_argument("--client", required=True, help="what this server is called there")
    parser.add_argument("--scope", required=True)
    return parser.parse_args()


def proxy(options: argparse.Namespace) -> OAuthProxy:
    return OAuthProxy(
        upstream_authorization_endpoint=f"{options.provider}/authorize",
        upstream_token_endpoint=f"{options.provider}/token",
        upstream_client_id=options.client,
        upstream_client_secret="our-secret",
        # Asked when a tool is called, which nobody does here.
        token_verifier=JWTVerifier(
            jwks_uri=f"{options.provider}/keys",
            issuer=options.provider,
            algorithm="EdDSA",
            required_scopes=[options.scope],
        ),
        # People come by https; what ends it stands before the server.
        base_url="https://mcp.example",
        client_storage=MemoryStore(),
        require_authorization_consent=False,
    )


if __name__ == "__main__":
    options = arguments()
    # The fastest event loop there is; httptools is found by itself.
    uvloop.install()
    server = FastMCP("measured", auth=proxy(options))
    server.run(
        "http",
        show_banner=False,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        uvicorn_config={"access_log": False},
    )
