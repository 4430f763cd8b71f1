// What leads write: sealed like an alert, and signed with the lead's own key, as protocol/documents.py does it.
// So a hostile collector can't write a note or an outcome, put one under another name, or move it to another case.

import { base64, concat, sha256, text, unbase64, utf8, uuidBytes } from "./bytes.js";
import * as envelope from "./envelope.js";
import { gettext } from "./words.js";

const ED25519 = { name: "Ed25519" };
const NO_HEADER = new Uint8Array(0);

/** A document is not signed as it must be. The message is for the person. */
export class SignatureError extends Error {}

/** The place of a document's envelope. */
export const placeOf = (purpose, subject, record) => ({ purpose, subject, record, header: NO_HEADER });

/** What a lead signs of sealed bytes: what it is, the case, its own id, and their SHA-256. */
export async function statement(purpose, subject, record, sealed) {
  return statementOf(purpose, subject, record, await sha256(sealed));
}

const statementOf = (purpose, subject, record, digest) =>
  concat(utf8(`fairwatch/v1/lead\0${purpose}\0`), uuidBytes(subject), uuidBytes(record), digest);

/** The lead's signature over sealed bytes. */
export async function sign(purpose, subject, record, sealed, pair) {
  return new Uint8Array(await crypto.subtle.sign(ED25519, pair.signingKey, await statement(purpose, subject, record, sealed)));
}

/** Check a signature by `signer` (a public key of 64 bytes), who must be one of `signers` (key ids). */
export async function check(purpose, subject, record, sealed, by) {
  await checkDigest(purpose, subject, record, await sha256(sealed), by);
}

/** The same where only the SHA-256 of what is sealed is at hand. */
export async function checkDigest(purpose, subject, record, digest, { signer, signature, signers }) {
  const allowed = new Set(signers);
  if (!allowed.has(await envelope.keyId(signer))) {
    throw new SignatureError(gettext("It is signed with a key that has no say in this case."));
  }
  const key = await crypto.subtle.importKey("raw", envelope.halves(signer)[1], ED25519, false, ["verify"]);
  if (!(await crypto.subtle.verify(ED25519, key, signature, statementOf(purpose, subject, record, digest)))) {
    throw new SignatureError(gettext("Its signature does not match: it was altered, moved, or never written by them."));
  }
}

/**
 * Seal and sign `content` (any JSON) as document `record` about `subject`, for `recipients` (public keys of 64 bytes):
 * what the collector takes, { id, envelope, signer, signature }, bytes in base64.
 */
export async function sealSigned(purpose, content, recipients, subject, record, pair) {
  const place = placeOf(purpose, subject, record);
  const sealed = await envelope.seal(utf8(JSON.stringify(content)), recipients, place);
  const signature = await sign(purpose, subject, record, sealed, pair);
  return { id: record, envelope: base64(sealed), signer: base64(pair.publicKey), signature: base64(signature) };
}

/**
 * The content of a document about `subject`, once its signature holds and is of one of `signers` (key ids: whom the
 * case may be read by). `document.wrap` is there where it was re-wrapped for this reader. Throws SignatureError or OpenError.
 */
export async function openSigned(purpose, document, subject, pair, signers) {
  const sealed = unbase64(document.envelope);
  const by = { signer: unbase64(document.signer), signature: unbase64(document.signature), signers };
  await check(purpose, subject, document.id, sealed, by);
  const wrap = document.wrap ? unbase64(document.wrap) : undefined;
  return JSON.parse(text(await envelope.openEither(sealed, pair, placeOf(purpose, subject, document.id), wrap)));
}
