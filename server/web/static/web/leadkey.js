// The lead's key: made and unlocked here, in the browser. The file is that of protocol/leadkeys.py.
// The passphrase and the private key never leave this computer; the collector gets the public key and the wrapped file.

import { base64, concat, equal, random, unbase64, utf8 } from "./bytes.js";
import { keyId } from "./envelope.js";
import { rawPublic } from "./hpke.js";

const ITERATIONS = 600_000;
const ITERATIONS_MAX = 10_000_000;
export const WORDS = 6;

/** The passphrase or the key file is not right; the message says which, for the person. */
export class KeyError extends Error {}

export const tidy = (passphrase) => passphrase.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");

/** Whether this browser has what is needed (X25519 in WebCrypto, in a secure context). */
export async function supported() {
  try {
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
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

/** A new key file. The private key is extractable only inside this function, for as long as wrapping takes. */
export async function make(passphrase) {
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"]);
  const publicKey = await rawPublic(pair.publicKey);
  const salt = random(16);
  const nonce = random(12);
  const wrapping = await wrappingKey(passphrase, salt, ITERATIONS, "wrapKey");
  const wrapped = await crypto.subtle.wrapKey("pkcs8", pair.privateKey, wrapping, gcm(nonce, publicKey));
  return {
    version: 1,
    key_id: await keyId(publicKey),
    public_key: base64(publicKey),
    salt: base64(salt),
    iterations: ITERATIONS,
    nonce: base64(nonce),
    wrapped: base64(new Uint8Array(wrapped)),
  };
}

/** The key pair in a file, its private key not extractable; throws KeyError. */
export async function unlock(file, passphrase) {
  if (file.version !== 1 || !(file.iterations >= ITERATIONS && file.iterations <= ITERATIONS_MAX)) {
    throw new KeyError("This key file is of a kind that this page does not know.");
  }
  const publicKey = unbase64(file.public_key);
  const wrapping = await wrappingKey(passphrase, unbase64(file.salt), file.iterations, "unwrapKey");
  let privateKey;
  try {
    const how = gcm(unbase64(file.nonce), publicKey);
    const kind = { name: "X25519" };
    privateKey = await crypto.subtle.unwrapKey("pkcs8", unbase64(file.wrapped), wrapping, how, kind, false, ["deriveBits"]);
  } catch {
    throw new KeyError("These words do not open the key. Check each word against your sheet.");
  }
  if ((await keyId(publicKey)) !== file.key_id || !(await belong(privateKey, publicKey))) {
    throw new KeyError("The key file was altered: its public key is not that of its private key.");
  }
  return { privateKey, publicKey };
}

/** Whether the two halves are one pair: both must agree on a secret with a third key. */
async function belong(privateKey, publicKey) {
  const third = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const claimed = await crypto.subtle.importKey("raw", publicKey, { name: "X25519" }, true, []);
  const mine = await crypto.subtle.deriveBits({ name: "X25519", public: third.publicKey }, privateKey, 256);
  const theirs = await crypto.subtle.deriveBits({ name: "X25519", public: claimed }, third.privateKey, 256);
  return equal(new Uint8Array(mine), new Uint8Array(theirs));
}

async function wrappingKey(passphrase, salt, iterations, use) {
  const typed = await crypto.subtle.importKey("raw", utf8(tidy(passphrase)), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, [use]);
}

// The public key is bound in, so that a collector can't pair a wrapped private key with a public key of its own.
const gcm = (nonce, publicKey) => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: concat(utf8("fairwatch/v1/leadkey\0"), publicKey),
});

/** What people compare of a key: its id in eight groups of four. */
export const fingerprint = (id) => id.match(/.{4}/g).join(" ");
