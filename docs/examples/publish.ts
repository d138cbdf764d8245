// Asks TradeUp Jobs for one credit for one member, by publishing an event. See docs/publishing.md.

import { parseArgs } from "node:util";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";

/** One name as one part of a subject: letters, digits, - and _ stay, other bytes become =XX. */
function token(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length < 1 || bytes.length > 128) throw new Error("a name in a subject has 1 to 128 bytes");
  if (name === "_") return "=5F";
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

const { values } = parseArgs({
  options: {
    tenant: { type: "string" }, // the shop's handle
    member: { type: "string" }, // the Shopify customer id
    "amount-minor": { type: "string" }, // minor units: 500 for 5.00 USD
    currency: { type: "string" }, // the shop's currency, like USD
    reason: { type: "string" }, // why, in words for people
    id: { type: "string" }, // what makes the event unique within its source
    source: { type: "string", default: "till" }, // the system that publishes
  },
});

function given(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

async function publish(): Promise<void> {
  const subject = `events.${token(given("tenant"))}.${token(given("source"))}.${token("credit.requested")}`;
  const body = {
    member_external_id: given("member"),
    amount: { amount_minor: Number(given("amount-minor")), currency: given("currency") },
    reason: given("reason"),
  };
  const about = headers();
  about.set("Content-Type", "application/json");
  const connection = await connect({
    servers: process.env.TRADEUP_NATS_URL ?? "nats://127.0.0.1:4222",
    // Answers come where the user `publisher` may listen.
    inboxPrefix: "_INBOX_publisher",
    // By whom the server is known, where it asks for TLS.
    tls: process.env.NATS_CA ? { caFile: process.env.NATS_CA } : undefined,
  });
  try {
    // Returns when the event is on disk. Before that it is not published: send it again. The same event
    // has the same id (it becomes Nats-Msg-Id), however often it is sent: that makes it one credit.
    const ack = await jetstream(connection).publish(subject, JSON.stringify(body), {
      msgID: given("id"),
      headers: about,
      timeout: 5000,
    });
    console.log(`stored on ${ack.stream} as number ${ack.seq}${ack.duplicate ? ", which was there already" : ""}`);
  } finally {
    await connection.close();
  }
}

publish().catch((error: unknown) => {
  console.error("not published, send it again under the same id:", error);
  process.exitCode = 1;
});
