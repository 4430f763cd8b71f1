// A lead's key under a passkey of this device (WebAuthn, PRF): finger, face or PIN in place of the six words.
// What the passkey gives never leaves the browser; the collector keeps the private key wrapped by it, as by the words.

import { base64, concat, random, sha256, unbase64, utf8 } from "./bytes.js";
import { KeyError, checkWhole, unlock, unwrapHalves, wrapHalves } from "./leadkey.js";
import { gettext } from "./words.js";

const TIMEOUT_MS = 120_000;
const NO_PRF =
  gettext("This device’s passkeys can’t lock a key (they offer no PRF). Nothing was added: keep using your six words here, or try another device or a security key.");

/** Whether this browser knows passkeys at all; whether they can lock a key shows only when one is made. */
export const supported = () => typeof PublicKeyCredential === "function" && Boolean(navigator.credentials?.create);

/**
 * Make a passkey on this device and lock the key of `file` with it too, which takes its words once more. Gives what the
 * collector keeps. Throws KeyError in words for the person.
 */
export async function add(file, words, person) {
  const pair = await unlock(file, words, true);
  const salt = random(32);
  const made = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: gettext("Fairwatch key") },
        // Not the id of the sign-in passkey, which would be replaced by this one; the same for one key on one device.
        user: { id: utf8(`unlock ${file.key_id}`), name: `${person} (key)`, displayName: `${person}: unlock the key` },
        challenge: random(32),
        pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        attestation: "none",
        timeout: TIMEOUT_MS,
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const said = made.getClientExtensionResults().prf;
  if (!said?.enabled) throw new KeyError(NO_PRF);
  const credential = new Uint8Array(made.rawId);
  // Some platforms give the secret only when the passkey is used, not when it is made.
  const secret = said.results?.first ?? (await use([{ credential, salt }])).secret;
  const wrapping = await wrappingKey(secret, "wrapKey");
  const kept = await wrapHalves(pair, wrapping, await placeOf(credential, pair.publicKey));
  return { key_id: file.key_id, credential: base64(credential), salt: base64(salt), ...kept };
}

/** Unlock with one of `kept` (as `add` gave them, each with its id and public_key): { pair, passkey }. Throws KeyError. */
export async function unlockWith(kept) {
  const known = kept.map((one) => ({ credential: unbase64(one.credential), salt: unbase64(one.salt) }));
  const { credential, secret } = await use(known);
  const passkey = kept.find((one) => one.credential === base64(credential));
  const publicKey = unbase64(passkey.public_key);
  let pair;
  try {
    const wrapping = await wrappingKey(secret, "unwrapKey");
    pair = { ...(await unwrapHalves(passkey, wrapping, await placeOf(credential, publicKey))), publicKey };
  } catch {
    throw new KeyError(gettext("This passkey no longer opens the key. Use your six words, remove the passkey and add it again."));
  }
  await checkWhole(pair, passkey.key_id);
  return { pair, passkey };
}

async function use(known) {
  const name = (credential) => base64(credential).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const answer = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: random(32),
        allowCredentials: known.map(({ credential }) => ({ type: "public-key", id: credential })),
        userVerification: "required",
        timeout: TIMEOUT_MS,
        extensions: {
          prf: { evalByCredential: Object.fromEntries(known.map((one) => [name(one.credential), { first: one.salt }])) },
        },
      },
    }),
  );
  const secret = answer.getClientExtensionResults().prf?.results?.first;
  if (!secret) throw new KeyError(NO_PRF);
  return { credential: new Uint8Array(answer.rawId), secret };
}

async function asked(action) {
  try {
    return await action();
  } catch (fault) {
    const words = {
      NotAllowedError: gettext("The passkey was not used: it was cancelled, took too long, or is on another device. Your six words work as before."),
      SecurityError: gettext("Passkeys need the collector’s real address (https, by name). Your six words work as before."),
    };
    throw new KeyError(words[fault.name] ?? gettext("The passkey could not be used. Your six words work as before."));
  }
}

async function wrappingKey(secret, use) {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: utf8("fairwatch/v1/passkey") };
  return crypto.subtle.deriveKey(how, material, { name: "AES-GCM", length: 256 }, false, [use]);
}

// Passkey and public key are bound in: a collector can't pair what one passkey wrapped with another's, or another key.
async function placeOf(credential, publicKey) {
  const which = await sha256(credential);
  return (half) => concat(utf8(`fairwatch/v1/passkey\0${half}\0`), which, publicKey);
}
