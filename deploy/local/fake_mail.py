#!/usr/bin/env python3
"""A mail server for the demo, on loopback: takes every mail and keeps it as a file, and delivers none.

    fake_mail.py FOLDER      prints {"port": …} and runs until it is ended
"""
from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
LINE_MAX = 1 << 20


async def content(reader: asyncio.StreamReader) -> bytes:
    """What comes after DATA, up to the lone dot."""
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def say(text: str) -> None:
        writer.write(text.encode() + b"\r\n")
        await writer.drain()

    try:
        await say("220 mail.demo.example keeps mails")
        while line := await reader.readline():
            word = line.split(maxsplit=1)[0].upper() if line.strip() else b""
            if word == b"DATA":
                await say("354 go on")
                mail = await content(reader)
                talk.kept += 1
                (FOLDER / f"{talk.kept:05}.eml").write_bytes(mail)
                await say(f"250 2.0.0 kept as {talk.kept}")
            elif word == b"QUIT":
                await say("221 2.0.0 bye")
                return
            elif word in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"):
                await say("250 mail.demo.example")
            else:
                await say("502 5.5.1 not here")
    except (ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    talk.kept = len(list(FOLDER.glob("*.eml")))
    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=LINE_MAX)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
