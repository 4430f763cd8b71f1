// Entries that leads have muted for a time: their routine cases leave the list, in every lead's browser, and stay on record.
// What is muted is sealed and signed; the collector knows that something is, by whom, and until when.

import { ask } from "./page.js";
import { readList } from "./recipients.js";
import { openSigned, sealSigned } from "./sealed.js";

const DAY_MS = 86_400_000;
export const MUTE_DAYS = 14;

/** Everybody of the signed list who opens cases: whom a mute is sealed to, and whose mutes count. */
const leadsOf = (list) => list.recipients.filter((one) => one.role !== "recovery");

/** The mutes in force: [{ id, entries, author, until, own }]. One that can't be opened, or is not a lead's, mutes nothing. */
export async function loadMutes(addresses, pair) {
  const { mutes } = await ask(addresses.mutes);
  if (mutes.length === 0) return [];
  const signers = leadsOf(await readList(await ask(addresses.recipients))).map((one) => one.key_id);
  const opened = await Promise.all(mutes.map((one) => open(one, pair, signers)));
  return opened.filter(Boolean);
}

async function open(one, pair, signers) {
  try {
    const said = await openSigned("mute", one, one.id, pair, signers);
    // The earlier of the two: what is signed can't be made longer, and what the collector ended is over.
    const until = Math.min(Date.parse(one.until), Date.parse(said.until), Date.parse(said.at) + MUTE_DAYS * DAY_MS);
    return { id: one.id, entries: new Set(said.entries), author: said.author, until };
  } catch {
    return null;
  }
}

/** Mute all entries of a case, for every lead. */
export async function mute(one, addresses, author, pair, now) {
  const list = await readList(await ask(addresses.recipients));
  const keys = leadsOf(list).map(({ publicKey }) => publicKey);
  const until = new Date(now + MUTE_DAYS * DAY_MS).toISOString();
  const said = { version: 1, entries: one.heading.entries, author, at: new Date(now).toISOString(), until };
  const id = crypto.randomUUID();
  await ask(addresses.mute, { ...(await sealSigned("mute", said, keys, id, id, pair)), until });
}

/** End a mute before its time. */
export const unmute = (id, addresses) => ask(addresses.unmute, { id });

/** Which mute a case falls under, if any: never an urgent one, and only where each of its entries is muted. */
export function mutedBy(one, mutes, now) {
  const entries = one.heading?.entries ?? [];
  if (one.clear.urgent || !one.clear.waiting || entries.length === 0) return null;
  return mutes.find((each) => each.until > now && entries.every((tag) => each.entries.has(tag))) ?? null;
}
