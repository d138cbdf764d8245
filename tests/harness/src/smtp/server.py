#!/usr/bin/env python3
"""A mail server that delivers nothing: each mail it takes becomes a file. For tests and demos.

    server.py --dir DIR [--port PORT] [--host HOST] [--cert FILE --key FILE [--implicit-tls]]
              [--user NAME --password PASSWORD] [--end-with-input]

Prints one line `{"port": …}` when it is ready, and ends with SIGTERM; with --end-with-input also when
its standard input ends, so that it never outlives who started it. --port 0, which is the default, finds
a free port. DIR gets, for the mail N counted from 1:

    N.eml    the content, as it came over the line, without the dots of the protocol
    N.json   sender, recipients, user, whether encrypted, which connection

What it does to clients can be changed while it runs: DIR/mode holds one word, looked up at each step.

    accept       takes everything (also if there is no such file)
    unknown      550 5.1.1 to RCPT            relay        554 5.7.1 to RCPT
    greylist     450 4.2.0 to RCPT            sender       553 5.7.1 to MAIL
    busy         421 4.3.2 instead of a greeting, and closes
    away         closes without a greeting
    deaf         greets, and answers nothing after
    hangup       closes after RCPT
    no-data      554 5.3.4 to DATA
    spam         554 5.7.1 after the content  full         452 4.3.1 after the content
    lose         closes after the content, keeping nothing
    drop         keeps the mail, and closes instead of answering
    slow         keeps the mail, and answers after a minute
    farewell     keeps the mail, answers, and closes
    garbage      keeps the mail, and answers with something that is no answer

A recipient whose address begins with unknown., relay. or greylist. always gets that answer, the others what
the mode says.

Needs aiosmtpd on PYTHONPATH; it says so if it is missing.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import ssl
import sys
import warnings
from pathlib import Path

try:
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    sys.exit("server.py: aiosmtpd is missing; run tests/run once (it installs it below target/tools/smtp), or "
             "set PYTHONPATH to a folder with it")

RECIPIENT = {"unknown": "550 5.1.1 <{}>: there is no such mailbox", "relay": "554 5.7.1 <{}>: relay access denied",
             "greylist": "450 4.2.0 <{}>: greylisted, come back later"}
CONTENT = {"spam": "554 5.7.1 this looks like spam", "full": "452 4.3.1 no disk space left"}


class Folder:
    """Where mails go and where the mode is read."""

    def __init__(self, path: Path):
        self.path, self.mails, self.connections = path, 0, 0

    def mode(self) -> str:
        try:
            return (self.path / "mode").read_text().strip() or "accept"
        except FileNotFoundError:
            return "accept"

    def keep(self, envelope, session, transport, connection: int) -> int:
        self.mails += 1
        facts = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "options": envelope.mail_options,
                 "tls": transport.get_extra_info("sslcontext") is not None, "connection": connection,
                 "hello": session.host_name,
                 "user": session.auth_data if session.authenticated else None}
        (self.path / f"{self.mails}.eml").write_bytes(envelope.original_content)
        # Written last and moved into place: who sees it sees all of it.
        unfinished = self.path / f".{self.mails}.json"
        unfinished.write_text(json.dumps(facts))
        unfinished.rename(self.path / f"{self.mails}.json")
        return self.mails


class Connection(SMTP):
    """One client."""

    def __init__(self, folder: Folder, **options):
        super().__init__(self, **options)
        self.folder = folder

    async def _handle_client(self):
        if getattr(self, "number", None) is None:  # STARTTLS comes by here again
            self.folder.connections += 1
            self.number = self.folder.connections
            (self.folder.path / "connections").write_text(str(self.number))
            mode = self.folder.mode()
            if mode == "busy":
                await self.push("421 4.3.2 too many connections, come back later")
            if mode in ("busy", "away"):
                self.transport.close()
                return
        await super()._handle_client()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if self.folder.mode() == "deaf":
            await asyncio.sleep(3600)
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.folder.mode() == "sender":
            return f"553 5.7.1 <{address}>: you may not send as this"
        envelope.mail_from, envelope.mail_options = address, options
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        mode = self.folder.mode()
        refused = address.split(".")[0]
        for word in (refused, mode):
            if word in RECIPIENT:
                return RECIPIENT[word].format(address)
        if mode == "hangup":
            self.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def smtp_DATA(self, arg):
        if self.folder.mode() == "no-data":
            await self.push("554 5.3.4 too large")
        else:
            await super().smtp_DATA(arg)

    async def handle_DATA(self, server, session, envelope):
        mode = self.folder.mode()
        if mode in CONTENT:
            return CONTENT[mode]
        if mode == "lose":
            self.transport.abort()
            return "250 never sent"
        number = self.folder.keep(envelope, session, self.transport, self.number)
        if mode == "drop":
            self.transport.abort()
        if mode == "slow":
            await asyncio.sleep(60)
        if mode == "garbage":
            return "what? who are you?"
        if mode == "farewell":
            asyncio.get_running_loop().call_later(0.01, self.transport.close)
        return f"250 2.0.0 ok: queued as MAIL{number} for {envelope.rcpt_tos[0]}"


async def serve(options) -> None:
    folder = Folder(Path(options.dir))
    folder.path.mkdir(parents=True, exist_ok=True)
    context = None
    if options.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.cert, options.key)

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login.decode(), data.password.decode()) == (options.user, options.password)
        return AuthResult(success=good, handled=False, auth_data=data.login.decode())

    def connect():
        starttls = context if not options.implicit_tls else None
        return Connection(folder, hostname="sink.localhost", ident="sink", enable_SMTPUTF8=True, timeout=3600,
                          tls_context=starttls, require_starttls=starttls is not None,
                          authenticator=authenticate if options.user else None,
                          auth_required=bool(options.user), auth_require_tls=starttls is not None,
                          auth_exclude_mechanism=[] if options.user else ["LOGIN", "PLAIN"])

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    if options.end_with_input:
        loop.add_reader(0, lambda: os.read(0, 4096) or ended.set())
    server = await loop.create_server(connect, options.host, options.port,
                                      ssl=context if options.implicit_tls else None)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--implicit-tls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--end-with-input", action="store_true")
    # It warns of its own later versions, and of a login that it can't see is within TLS.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", UserWarning)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
