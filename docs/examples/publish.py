#!/usr/bin/env python3
"""Asks TradeUp Jobs for one credit for one member, by publishing an event. See docs/publishing.md."""

import argparse
import asyncio
import json
import os
import ssl
import sys

import nats
from nats.js.errors import APIError, NoStreamResponseError


def token(name: str) -> str:
    """One name as one part of a subject: letters, digits, - and _ stay, other bytes become =XX."""
    if not 1 <= len(name.encode()) <= 128:
        raise ValueError("a name in a subject has 1 to 128 bytes")
    if name == "_":
        return "=5F"
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(chr(byte) if byte in plain else f"={byte:02X}" for byte in name.encode())


async def publish(args: argparse.Namespace) -> None:
    # Answers come where the user `publisher` may listen.
    url = os.environ.get("TRADEUP_NATS_URL", "nats://127.0.0.1:4222")
    # By whom the server is known, where it asks for TLS.
    authority = os.environ.get("NATS_CA")
    tls = ssl.create_default_context(cafile=authority) if authority else None
    connection = await nats.connect(url, inbox_prefix=b"_INBOX_publisher", tls=tls)
    try:
        subject = f"events.{token(args.tenant)}.{token(args.source)}.{token('credit.requested')}"
        body = {
            "member_external_id": args.member,
            "amount": {"amount_minor": args.amount_minor, "currency": args.currency},
            "reason": args.reason,
        }
        # The same event has the same id, however often it is sent: that is what makes it one credit.
        headers = {"Nats-Msg-Id": args.id, "Content-Type": "application/json"}
        # Returns when the event is on disk. Before that it is not published: send it again.
        ack = await connection.jetstream().publish(subject, json.dumps(body).encode(), timeout=5, headers=headers)
        print(f"stored on {ack.stream} as number {ack.seq}" + (", which was there already" if ack.duplicate else ""))
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenant", required=True, help="the shop's handle")
    parser.add_argument("--member", required=True, help="the Shopify customer id")
    parser.add_argument("--amount-minor", required=True, type=int, help="minor units: 500 for 5.00 USD")
    parser.add_argument("--currency", required=True, help="the shop's currency, like USD")
    parser.add_argument("--reason", required=True, help="why, in words for people")
    parser.add_argument("--id", required=True, help="what makes the event unique within its source")
    parser.add_argument("--source", default="till", help="the system that publishes")
    args = parser.parse_args()
    try:
        asyncio.run(publish(args))
    except (APIError, NoStreamResponseError, OSError, ValueError, nats.errors.Error) as error:
        sys.exit(f"not published, send it again under the same id: {error!r}")


if __name__ == "__main__":
    main()
