// Opening older cases to a lead who came later: each case's keys are sealed again here, in the browser of one who has them.

import * as alerts from "./alert.js";
import { sha256, unbase64 } from "./bytes.js";
import { OpenError } from "./envelope.js";
import { ask } from "./page.js";
import { sameAccount } from "./people.js";
import * as rewrap from "./rewrap.js";
import * as sealed from "./sealed.js";
import { gettext } from "./words.js";

const ADDRESS = "/desk/data/share";
const KEPT_BACK = "fairwatch-kept-back";
const COMPARED = "fairwatch-compared";

/** A case can't be given to this person. The message says why, for the person who shares. */
export class SharingError extends Error {}

/** Whom of the signed list some cases are not yet open to, less those that this browser found to be about them. */
export async function newcomers() {
  const kept = remembered(KEPT_BACK);
  const found = (await ask(ADDRESS)).newcomers;
  return found
    .map((one) => ({ ...one, cases: one.cases - (kept[one.key_id] ?? []).length }))
    .filter((one) => one.cases > 0);
}

/** Whether this browser's person compared the key with its holder before, and saying that they have. */
export const compared = (keyId) => (remembered(COMPARED).keys ?? []).includes(keyId);
export const haveCompared = (keyId) => remember(COMPARED, { keys: [...(remembered(COMPARED).keys ?? []), keyId] });

/**
 * Share every case that is not yet open to `newcomer` and may be. Tells `progress({ done, keptBack, refused })` after each
 * batch; what was shared stays shared when it is stopped, and it goes on from there the next time.
 */
export async function shareAll(newcomer, pair, progress, stopped = () => false) {
  const said = { done: 0, keptBack: 0, refused: 0 };
  let after = "";
  while (!stopped()) {
    const { cases } = await ask(`${ADDRESS}/${newcomer.key_id}/cases${after && `?after=${after}`}`);
    if (cases.length === 0) break;
    const parcels = [];
    for (const given of cases) {
      try {
        parcels.push(await parcelOf(given, newcomer, pair));
      } catch (fault) {
        if (fault instanceof SharingError) {
          said.keptBack += 1;
          keepBack(newcomer.key_id, given.incident);
        } else if (fault instanceof OpenError || fault instanceof alerts.AlertError) said.refused += 1;
        else throw fault;
      }
    }
    if (parcels.length > 0) said.done += (await ask(`${ADDRESS}/${newcomer.key_id}`, { parcels })).opened;
    after = cases.at(-1).incident;
    progress({ ...said });
  }
  return said;
}

/**
 * Hand one case over by name, whatever group it is of: `newcomer` is of the signed list, { key_id, public_key,
 * never_about } (`/desk/data/share`, or the case's own list of readers). Throws SharingError when the case is about them.
 */
export async function shareCase(incident, newcomer, pair) {
  const { cases: [given] } = await ask(`${ADDRESS}/${newcomer.key_id}/cases?incident=${incident}`);
  const parcels = [await parcelOf(given, newcomer, pair)];
  return (await ask(`${ADDRESS}/${newcomer.key_id}`, { parcels, by_name: true })).opened;
}

/** What the collector takes of one case; nothing is passed on that was not signed by its device or its author. */
async function parcelOf(given, newcomer, pair) {
  const alert = { ...given, wraps: given.kept_heading.label === "rewrap" ? { heading: given.kept_heading.wrap } : {} };
  const header = await alerts.verify(alert, given.incident);
  const heading = await alerts.open(alert, header, "heading", pair);
  if (newcomer.never_about.some((own) => sameAccount(heading.person, own))) {
    throw new SharingError(gettext("This case is about this person, so it stays closed to them."));
  }
  const recipient = unbase64(newcomer.public_key);
  const with_ = { incident: given.incident, recipient, pair };
  const digests = { heading: await sha256(unbase64(given.heading)), evidence: unbase64(given.evidence_digest) };
  const made = [];
  for (const purpose of ["heading", "evidence"]) {
    const kept = opened(given[`kept_${purpose}`]);
    const place = alerts.placeOf(alert, header, purpose);
    made.push(await rewrap.make({ ...with_, place, digest: digests[purpose], kept }));
  }
  const signers = await alerts.readersOf(header, given.rewraps);
  for (const note of given.notes) {
    const by = { signer: unbase64(note.signer), signature: unbase64(note.signature), signers };
    const digest = unbase64(note.digest);
    try {
      await sealed.checkDigest("note", given.incident, note.id, digest, by);
    } catch (fault) {
      if (fault instanceof sealed.SignatureError) continue;
      throw fault;
    }
    const place = sealed.placeOf("note", given.incident, note.id);
    made.push(await rewrap.make({ ...with_, place, digest, kept: opened(note.kept) }));
  }
  return { incident: given.incident, rewraps: made };
}

const opened = ({ wrap, label }) => ({ wrap: unbase64(wrap), label });

// Ids alone are remembered, in this browser: asking again would show the same cases as not shared for ever.
const remembered = (name) => JSON.parse(localStorage.getItem(name) ?? "{}");
const remember = (name, value) => localStorage.setItem(name, JSON.stringify(value));

function keepBack(keyId, incident) {
  const all = remembered(KEPT_BACK);
  remember(KEPT_BACK, { ...all, [keyId]: [...new Set([...(all[keyId] ?? []), incident])] });
}
