"""Fernet by the `cryptography` package: encrypts and decrypts what the test hands over."""

import argparse
import json
import sys

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", action="append", required=True, help="the keys, newest first")
    parser.add_argument("--text", action="append", default=[], help="a text to encrypt")
    parser.add_argument("--token", action="append", default=[], help="a token to decrypt")
    parser.add_argument("--rotate", action="append", default=[], help="a token to renew")
    parser.add_argument("--timeout", type=int, help="every driver has it; nothing here waits")
    options = parser.parse_args()
    keys = MultiFernet([Fernet(key) for key in options.key])
    try:
        answer = {
            "encrypted": [keys.encrypt(text.encode()).decode() for text in options.text],
            "decrypted": [keys.decrypt(token).decode() for token in options.token],
            "rotated": [keys.rotate(token).decode() for token in options.rotate],
            "generated": Fernet.generate_key().decode(),
        }
    except InvalidToken:
        print(json.dumps({"error": "a token is invalid"}))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
