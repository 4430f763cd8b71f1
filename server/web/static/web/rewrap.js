// Re-wraps, as protocol/rewraps.py has them: an envelope's content key for one more reader, signed by who let them in.

import { base64, concat, unbase64, utf8 } from "./bytes.js";
import * as envelope from "./envelope.js";
import * as sealed from "./sealed.js";

/** What stands in the place of an envelope in the lead's statement. */
const signedPart = (one) =>
  concat(utf8(`${one.purpose}\0`), unbase64(one.envelope_sha256), unbase64(one.recipient), unbase64(one.wrap));

/**
 * Let `recipient` (a public key of 64 bytes) read one envelope of a case: `place` is the envelope's, `digest` its
 * SHA-256, `kept` one's own wrapped content key, { wrap, label }. Gives what the collector takes.
 */
export async function make({ place, digest, kept, incident, recipient, pair }) {
  const one = {
    record: place.record,
    purpose: place.purpose,
    envelope_sha256: base64(digest),
    recipient: base64(recipient),
    wrap: base64(await envelope.rewrap(kept, recipient, pair, place)),
    signer: base64(pair.publicKey),
  };
  return { ...one, signature: base64(await sealed.sign("rewrap", incident, one.record, signedPart(one), pair)) };
}

/**
 * The ids of all keys that may read a case: those that the device sealed it to (`sealedTo`, from a verified header), and
 * whom one of these let in. A re-wrap that does not hold lets nobody in.
 */
export async function readers(sealedTo, incident, rewraps = []) {
  const known = new Set(sealedTo);
  for (let waiting = rewraps; waiting.length > 0; ) {
    const rest = [];
    for (const one of waiting) {
      const signer = unbase64(one.signer);
      if (!known.has(await envelope.keyId(signer))) {
        rest.push(one);
        continue;
      }
      try {
        const by = { signer, signature: unbase64(one.signature), signers: known };
        await sealed.check("rewrap", incident, one.record, signedPart(one), by);
        known.add(await envelope.keyId(unbase64(one.recipient)));
      } catch (fault) {
        if (!(fault instanceof sealed.SignatureError)) throw fault;
      }
    }
    if (rest.length === waiting.length) break;
    waiting = rest;
  }
  return known;
}
