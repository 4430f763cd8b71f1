// HPKE base mode (RFC 9180) in one suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
// A key pair here is { privateKey: CryptoKey, publicKey: Uint8Array(32) }, the opening half of a lead's key alone; the private key need not be extractable.

import { concat, utf8 } from "./bytes.js";

const KEM = concat(utf8("KEM"), [0x00, 0x20]);
const SUITE = concat(utf8("HPKE"), [0x00, 0x20], [0x00, 0x01], [0x00, 0x02]);
const LABEL = utf8("HPKE-v1");
const EMPTY = new Uint8Array(0);
const ENC_BYTES = 32;

// WebCrypto's HKDF is Extract and then Expand (RFC 5869) in one step, which is what HPKE asks for but for three hashes.
const hkdf = (ikm) => crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);

async function derive(ikm, salt, suite, label, info, length) {
  const labelled = concat([length >> 8, length & 255], LABEL, suite, utf8(label), info);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: labelled };
  return new Uint8Array(await crypto.subtle.deriveBits(how, await ikm, 8 * length));
}

// LabeledExtract with no salt: HMAC under zeros, since WebCrypto refuses an empty HMAC key and both are the same to HMAC.
let zeros;
async function extract(suite, label, ikm) {
  zeros ??= crypto.subtle.importKey("raw", new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", await zeros, concat(LABEL, suite, utf8(label), ikm)));
}

async function agree(privateKey, theirPublic, enc, recipientPublic) {
  const theirs = await crypto.subtle.importKey("raw", theirPublic, { name: "X25519" }, true, []);
  const dh = await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, privateKey, 256);
  const ikm = hkdf(concat(LABEL, KEM, utf8("eae_prk"), new Uint8Array(dh)));
  return derive(ikm, EMPTY, KEM, "shared_secret", concat(enc, recipientPublic), 32);
}

// The same for every message in base mode, so made once.
let pskIdHash;
let noPsk;

async function schedule(shared, info) {
  pskIdHash ??= extract(SUITE, "psk_id_hash", EMPTY);
  noPsk ??= hkdf(concat(LABEL, SUITE, utf8("secret")));
  const context = concat([0x00], await pskIdHash, await extract(SUITE, "info_hash", info)); // 00 is base mode
  const [key, nonce] = await Promise.all([
    derive(noPsk, shared, SUITE, "key", context, 32),
    derive(noPsk, shared, SUITE, "base_nonce", context, 12),
  ]);
  return { aes: await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]), nonce };
}

/** The AES-GCM parameters of message number `at` in a context (RFC 9180, section 5.2). */
export function turn(context, at, associated = EMPTY) {
  const iv = context.nonce.slice();
  for (let byte = 11, left = at; left > 0; byte -= 1, left = Math.floor(left / 256)) iv[byte] ^= left % 256;
  return { name: "AES-GCM", iv, additionalData: associated };
}

/** Begin as the sender: { enc, context }. The ephemeral pair is fresh unless a test vector brings its own. */
export async function begin(recipientPublic, info, ephemeral) {
  const pair = ephemeral ?? (await freshPair());
  const shared = await agree(pair.privateKey, recipientPublic, pair.publicKey, recipientPublic);
  return { enc: pair.publicKey, context: await schedule(shared, info) };
}

/** Begin as the recipient of `enc`: the context. */
export async function accept(enc, pair, info) {
  return schedule(await agree(pair.privateKey, enc, enc, pair.publicKey), info);
}

/** One message to one recipient: enc || ciphertext. */
export async function seal(message, recipientPublic, info) {
  const { enc, context } = await begin(recipientPublic, info);
  return concat(enc, new Uint8Array(await crypto.subtle.encrypt(turn(context, 0), context.aes, message)));
}

/** The message in enc || ciphertext; throws when it was altered, or is not for this key and info. */
export async function open(sealed, pair, info) {
  const context = await accept(sealed.slice(0, ENC_BYTES), pair, info);
  return new Uint8Array(await crypto.subtle.decrypt(turn(context, 0), context.aes, sealed.slice(ENC_BYTES)));
}

async function freshPair() {
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  return { privateKey: pair.privateKey, publicKey: await rawPublic(pair.publicKey) };
}

export const rawPublic = async (key) => new Uint8Array(await crypto.subtle.exportKey("raw", key));
