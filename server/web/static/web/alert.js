// An alert as the collector hands it out: the device's signature and the envelopes' place are checked before a word shows.

import { concat, sha256, text, unbase64, utf8 } from "./bytes.js";
import { verifyConcern } from "./concern.js";
import * as envelope from "./envelope.js";
import { readers } from "./rewrap.js";
import { gettext } from "./words.js";

/** Something is not as the device made it. The message is for the person. */
export class AlertError extends Error {}

/**
 * The header of an alert once its signature holds. `alert` has header, heading, signature and signer_key in base64, and
 * either evidence or evidence_digest: the signature covers the SHA-256 of each part, so a queue needs no evidence.
 */
export async function verify(alert, incident) {
  if (alert.lead_key) return verifyConcern(alert, incident);
  const header = unbase64(alert.header);
  const digest = alert.evidence ? await sha256(unbase64(alert.evidence)) : unbase64(alert.evidence_digest);
  const parts = [await sha256(header), await sha256(unbase64(alert.heading)), digest];
  const statement = concat(utf8("fairwatch/v1/alert\0"), ...parts);
  const key = await crypto.subtle.importKey("raw", unbase64(alert.signer_key), { name: "Ed25519" }, false, ["verify"]);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, unbase64(alert.signature), statement))) {
    throw new AlertError(gettext("The device's signature does not match. This record was altered after it left the device."));
  }
  const read = JSON.parse(text(header));
  if (read.alert !== incident) {
    throw new AlertError(gettext("This record belongs to another incident. It was moved after it left the device."));
  }
  return read;
}

/** Open one of the two envelopes of a verified alert: purpose is "heading" or "evidence". */
export async function open(alert, read, purpose, pair) {
  const wrap = alert.wraps?.[purpose];
  const place = placeOf(alert, read, purpose);
  return JSON.parse(text(await envelope.openEither(unbase64(alert[purpose]), pair, place, wrap ? unbase64(wrap) : undefined)));
}

/** The place of one of the two envelopes of a verified alert, or of a concern, which has a case and no device. */
export const placeOf = (alert, read, purpose) => ({
  purpose,
  subject: read.device ?? read.incident,
  record: read.record,
  header: unbase64(alert.header),
});

/** Who may read a case and write in it: whom the device sealed it to, and whom one of these let in by a re-wrap. */
export const readersOf = (read, rewraps) => readers(read.sealed_to, read.alert ?? read.incident, rewraps);

/**
 * The public keys to seal a note to: those given, but only if each is of somebody who may read the case (`readersOf`).
 * Stops a collector from adding a reader.
 */
export async function recipientsOf(read, given, rewraps) {
  const allowed = await readersOf(read, rewraps);
  const keys = [];
  for (const encoded of given) {
    const key = unbase64(encoded);
    if (!allowed.has(await envelope.keyId(key))) {
      throw new AlertError(gettext("The collector named a reader that this case was never sealed to. Nothing was sent."));
    }
    keys.push(key);
  }
  return keys;
}
