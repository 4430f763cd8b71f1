// Entries that leads have muted for a time: their routine cases leave the list, in every lead's browser, and stay on record.
// What is muted is sealed and signed; the collector knows that something is, by whom, and until when.

import { ask } from "./page.js";
import { leadsOf, mayOpen, readList } from "./recipients.js";
import { openSigned, sealSigned } from "./sealed.js";

const DAY_MS = 86_400_000;
export const MUTE_DAYS = 14;

/** The mutes in force: [{ id, entries, by, until }]. One that can't be opened, or is not a lead's, mutes nothing. */
export async function loadMutes(addresses, pair) {
  const { mutes } = await ask(addresses.mutes);
  if (mutes.length === 0) return [];
  const leads = leadsOf(await readList(await ask(addresses.recipients)));
  const opened = await Promise.all(mutes.map((one) => open(one, pair, leads)));
  return opened.filter(Boolean);
}

async function open(one, pair, leads) {
  try {
    const said = await openSigned("mute", one, one.id, pair, leads.map((lead) => lead.key_id));
    const by = leads.find((lead) => lead.public_key === one.signer);
    // The earlier of the two: what is signed can't be made longer, and what the collector ended is over.
    const until = Math.min(Date.parse(one.until), Date.parse(said.until), Date.parse(said.at) + MUTE_DAYS * DAY_MS);
    return { id: one.id, entries: new Set(said.entries), by, until };
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

/**
 * Which mute a case falls under, if any: never an urgent one, by the device's word or the collector's, and only where
 * each of its entries is muted by somebody who may open the case. So no partner's lead hides what is not theirs, and
 * nobody hides a case that may be about themselves.
 */
export function mutedBy(one, mutes, now) {
  const entries = one.heading?.entries ?? [];
  if (one.clear.urgent || one.read?.urgent || !one.clear.waiting || entries.length === 0) return null;
  const holds = ({ until, entries: muted, by }) =>
    until > now && entries.every((tag) => muted.has(tag)) && mayOpen(by, one.clear.group, one.heading.person);
  return mutes.find(holds) ?? null;
}
