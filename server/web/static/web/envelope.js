// Envelopes, as protocol/FORMAT.md section 4 has them: a text sealed to several keys, which opens only in its own place.

import { concat, equal, hex, sha256, unhex, utf8, uuidBytes, random } from "./bytes.js";
import * as hpke from "./hpke.js";
import { gettext } from "./words.js";

const VERSION = 1;
const SIZES = [4096, 16384];
const RECIPIENTS_MAX = 32;
const KEY_ID = 16;
const WRAP = 32 + 32 + 16; // HPKE enc, content key, tag
const SLOT = KEY_ID + WRAP;
const TAG = 16;
const KEY = 64; // a public key: X25519, which is sealed to, then Ed25519, which signs
const GCM = (info) => ({ name: "AES-GCM", iv: new Uint8Array(12), additionalData: info }); // one text a content key

/** An envelope that does not open: altered, moved to another record, of an unknown version, or not for this key. */
export class OpenError extends Error {}

/** The id of a public key (64 bytes, both halves): 32 hex digits of its SHA-256. */
export async function keyId(publicKey) {
  if (!ids.has(publicKey)) ids.set(publicKey, hex((await sha256(publicKey)).slice(0, KEY_ID)));
  return ids.get(publicKey);
}

const ids = new WeakMap(); // one's own key is asked for thousands of times when a queue is opened

/** The half of a public key that is sealed to, and the half that its holder's signatures are checked with. */
export function halves(publicKey) {
  if (publicKey.length !== KEY) throw new OpenError(gettext("a key has 64 bytes"));
  return [publicKey.slice(0, KEY / 2), publicKey.slice(KEY / 2)];
}

/** The bytes that bind an envelope to its place: { purpose, subject, record, header }. */
export async function placeInfo({ purpose, subject, record, header }) {
  return concat(utf8(`fairwatch/v1\0${purpose}\0`), uuidBytes(subject), uuidBytes(record), await sha256(header));
}

/** Whom an envelope is for: the key ids, in the order of its table. */
export function layout(envelope) {
  if (envelope.length < 2 || envelope[0] !== VERSION) throw new OpenError(gettext("its version is not known here"));
  const count = envelope[1];
  const padded = envelope.length - 2 - count * SLOT - TAG;
  if (count < 1 || count > RECIPIENTS_MAX || !SIZES.includes(padded)) {
    throw new OpenError(gettext("its length does not fit its table of recipients"));
  }
  const ids = Array.from({ length: count }, (_, at) => hex(envelope.slice(2 + at * SLOT, 2 + at * SLOT + KEY_ID)));
  if (new Set(ids).size !== count) throw new OpenError(gettext("it names a recipient twice"));
  return ids;
}

/** Seal `message` (bytes) for the holders of `recipients` (raw public keys). */
export async function seal(message, recipients, place) {
  if (recipients.length < 1 || recipients.length > RECIPIENTS_MAX) throw new Error("an envelope takes 1 to 32 recipients");
  const info = await placeInfo(place);
  const contentKey = random(32);
  const slots = [];
  for (const publicKey of recipients) {
    slots.push(unhex(await keyId(publicKey)), await wrapFor(contentKey, publicKey, info, "wrap"));
  }
  const aes = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(GCM(info), aes, pad(message)));
  return concat([VERSION, recipients.length], ...slots, sealed);
}

/**
 * Open an envelope with an unlocked key, { privateKey, signingKey, publicKey }. `wrap` is its content key where it was
 * re-wrapped for this key later. Throws OpenError in words when it does not open.
 */
export async function open(envelope, pair, place, wrap) {
  const count = layout(envelope).length;
  const info = await placeInfo(place);
  const kept = wrap ? { wrap, label: "rewrap" } : { wrap: await slotOf(envelope, pair), label: "wrap" };
  try {
    const aes = await crypto.subtle.importKey("raw", await unwrap(kept, pair, info), "AES-GCM", false, ["decrypt"]);
    const padded = await crypto.subtle.decrypt(GCM(info), aes, envelope.slice(2 + count * SLOT));
    return unpad(new Uint8Array(padded));
  } catch (fault) {
    if (fault instanceof OpenError) throw fault;
    throw new OpenError(gettext("it was altered, or belongs to another record"));
  }
}

/** Open by the envelope's own table where this key is in it, else by a re-wrap: somebody may hold an older key as well. */
export async function openEither(envelope, pair, place, wrap) {
  const sealedTo = layout(envelope).includes(await keyId(pair.publicKey));
  return open(envelope, pair, place, sealedTo ? undefined : wrap);
}

/** What an envelope's table holds for this key: its content key, wrapped by the device or the author. */
async function slotOf(envelope, pair) {
  const at = layout(envelope).indexOf(await keyId(pair.publicKey));
  if (at === -1) throw new OpenError(gettext("it is not sealed to this key"));
  const start = 2 + at * SLOT + KEY_ID;
  return envelope.slice(start, start + WRAP);
}

/** A content key sealed to one public key; label "wrap" in an envelope's table, "rewrap" for a later reader. */
const wrapFor = (contentKey, publicKey, info, label) =>
  hpke.seal(contentKey, halves(publicKey)[0], concat(utf8(`${label}\0`), info));

const unwrap = ({ wrap, label }, pair, info) =>
  hpke.open(wrap, { privateKey: pair.privateKey, publicKey: halves(pair.publicKey)[0] }, concat(utf8(`${label}\0`), info));

/** One's own wrapped content key, { wrap, label }, sealed again to a later reader, in the same place. */
export async function rewrap(kept, recipient, pair, place) {
  const info = await placeInfo(place);
  let contentKey;
  try {
    contentKey = await unwrap(kept, pair, info);
  } catch {
    throw new OpenError(gettext("it was altered, or belongs to another record"));
  }
  return wrapFor(contentKey, recipient, info, "rewrap");
}

function pad(message) {
  const size = SIZES.find((one) => message.length <= one - 4);
  if (size === undefined) throw new Error("a sealed text holds at most 16380 bytes");
  const padded = new Uint8Array(size);
  new DataView(padded.buffer).setUint32(0, message.length);
  padded.set(message, 4);
  return padded;
}

function unpad(padded) {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  if (length > padded.length - 4) throw new OpenError(gettext("it is padded wrongly"));
  const rest = padded.slice(4 + length);
  if (!equal(rest, new Uint8Array(rest.length))) throw new OpenError(gettext("it is padded wrongly"));
  return padded.slice(4, 4 + length);
}
