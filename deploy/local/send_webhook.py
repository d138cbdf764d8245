"""Sends a webhook as Shopify does: the exact bytes, signed, with their headers. For the demo.

    send_webhook.py ADDRESS SECRET SHOP TOPIC <body.json

In the body, NOW stands for this instant.
"""

import base64
import datetime
import hashlib
import hmac
import sys
import urllib.request
import uuid


def main() -> None:
    address, secret, shop, topic = sys.argv[1:]
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    body = sys.stdin.read().replace("NOW", now).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Triggered-At": now,
    }
    request = urllib.request.Request(f"http://{address}/webhooks/shopify", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(f"{topic} for {shop}: answered {answer.status}")


if __name__ == "__main__":
    main()
