// The lead's key: made and unlocked here, in the browser. The file is that of protocol/leadkeys.py.
// The passphrase and the private key never leave this computer; the collector gets the public key and the wrapped file.

import { base64, concat, equal, random, unbase64, utf8 } from "./bytes.js";
import { halves, keyId } from "./envelope.js";
import { rawPublic } from "./hpke.js";
import { gettext } from "./words.js";

const ITERATIONS = 600_000;
const ITERATIONS_MAX = 10_000_000;
export const WORDS = 6;

/** The passphrase or the key file is not right; the message says which, for the person. */
export class KeyError extends Error {}

export const tidy = (passphrase) => passphrase.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");

// The halves of a key: how WebCrypto names them, and what their private key does.
const HALVES = {
  opening: { kind: { name: "X25519" }, uses: ["deriveBits"] },
  signing: { kind: { name: "Ed25519" }, uses: ["sign"] },
};

/** Whether this browser has what is needed (X25519 and Ed25519 in WebCrypto, in a secure context). */
export async function supported() {
  try {
    for (const { kind, uses } of Object.values(HALVES)) {
      await crypto.subtle.generateKey(kind, false, uses[0] === "sign" ? ["sign", "verify"] : uses);
    }
    return true;
  } catch {
    return false;
  }
}

/** Six words of `words`, each equally likely (rejection sampling: a remainder would favour the first words). */
export function makePassphrase(words) {
  const limit = Math.floor(0x10000 / words.length) * words.length;
  const chosen = [];
  while (chosen.length < WORDS) {
    const [number] = crypto.getRandomValues(new Uint16Array(1));
    if (number < limit) chosen.push(words[number % words.length]);
  }
  return chosen.join(" ");
}

/** A new key file. The private keys are extractable only inside this function, for as long as wrapping takes. */
export async function make(passphrase) {
  const opens = await crypto.subtle.generateKey(HALVES.opening.kind, true, ["deriveBits"]);
  const signs = await crypto.subtle.generateKey(HALVES.signing.kind, true, ["sign", "verify"]);
  const publicKey = concat(await rawPublic(opens.publicKey), await rawPublic(signs.publicKey));
  const salt = random(16);
  const wrapping = await wrappingKey(passphrase, salt, ITERATIONS, "wrapKey");
  return {
    version: 1,
    key_id: await keyId(publicKey),
    public_key: base64(publicKey),
    salt: base64(salt),
    iterations: ITERATIONS,
    ...(await wrapHalves({ privateKey: opens.privateKey, signingKey: signs.privateKey }, wrapping, placeOf(publicKey))),
  };
}

/**
 * The key in a file, { privateKey, signingKey, publicKey }; throws KeyError. Its private halves can't be taken out again,
 * unless `extractable`: only for as long as locking them another way takes.
 */
export async function unlock(file, passphrase, extractable = false) {
  if (file.version !== 1 || !(file.iterations >= ITERATIONS && file.iterations <= ITERATIONS_MAX)) {
    throw new KeyError(gettext("This key file is of a kind that this page does not know."));
  }
  const publicKey = unbase64(file.public_key);
  const wrapping = await wrappingKey(passphrase, unbase64(file.salt), file.iterations, "unwrapKey");
  let pair;
  try {
    pair = { ...(await unwrapHalves(file, wrapping, placeOf(publicKey), extractable)), publicKey };
  } catch {
    throw new KeyError(gettext("These words do not open the key. Check each word against your sheet."));
  }
  await checkWhole(pair, file.key_id);
  return pair;
}

/** Check that the halves of an unlocked key are those of its public key and its id; throws KeyError. */
export async function checkWhole(pair, id) {
  if ((await keyId(pair.publicKey)) !== id || !(await belong(pair))) {
    throw new KeyError(gettext("The key file was altered: its public key is not that of its private key."));
  }
}

/** Both private halves under a wrapping key, { opening, signing }; `place` gives the bytes that bind each to its place. */
export async function wrapHalves({ privateKey, signingKey }, wrapping, place) {
  const kept = {};
  for (const [half, key] of [["opening", privateKey], ["signing", signingKey]]) {
    const nonce = random(12);
    const wrapped = await crypto.subtle.wrapKey("pkcs8", key, wrapping, gcm(nonce, place(half)));
    kept[half] = { nonce: base64(nonce), wrapped: base64(new Uint8Array(wrapped)) };
  }
  return kept;
}

/** The private halves again, { privateKey, signingKey }. */
export async function unwrapHalves(kept, wrapping, place, extractable = false) {
  const [privateKey, signingKey] = await Promise.all(
    ["opening", "signing"].map((half) => {
      const how = gcm(unbase64(kept[half].nonce), place(half));
      const { kind, uses } = HALVES[half];
      return crypto.subtle.unwrapKey("pkcs8", unbase64(kept[half].wrapped), wrapping, how, kind, extractable, uses);
    }),
  );
  return { privateKey, signingKey };
}

/** Whether private and public belong together: both agree on a secret with a third key, and a signature holds. */
async function belong({ privateKey, signingKey, publicKey }) {
  const [opening, signing] = halves(publicKey);
  const third = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const claimed = await crypto.subtle.importKey("raw", opening, { name: "X25519" }, true, []);
  const mine = await crypto.subtle.deriveBits({ name: "X25519", public: third.publicKey }, privateKey, 256);
  const theirs = await crypto.subtle.deriveBits({ name: "X25519", public: claimed }, third.privateKey, 256);
  if (!equal(new Uint8Array(mine), new Uint8Array(theirs))) return false;
  const text = utf8("fairwatch/v1/leadkey");
  const verifying = await crypto.subtle.importKey("raw", signing, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, verifying, await crypto.subtle.sign({ name: "Ed25519" }, signingKey, text), text);
}

async function wrappingKey(passphrase, salt, iterations, use) {
  const typed = await crypto.subtle.importKey("raw", utf8(tidy(passphrase)), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, [use]);
}

// The public key is bound in, so that a collector can't pair a wrapped private key with a public key of its own.
const placeOf = (publicKey) => (half) => concat(utf8(`fairwatch/v1/leadkey\0${half}\0`), publicKey);

const gcm = (iv, additionalData) => ({ name: "AES-GCM", iv, additionalData });

/** What people compare of a key, both halves of it: its id in eight groups of four. */
export const fingerprint = (id) => id.match(/.{4}/g).join(" ");
