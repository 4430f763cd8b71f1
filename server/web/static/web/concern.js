// A concern that a lead recorded by hand, as protocol/concerns.py does it: two envelopes, signed with the lead's key.

import { base64, concat, sha256, text, unbase64, utf8 } from "./bytes.js";
import * as envelope from "./envelope.js";
import { check, sign, SignatureError } from "./sealed.js";
import { gettext } from "./words.js";

/**
 * Seal and sign a concern for `readers` (of the signed list): what the collector takes, and the case's new id.
 * `said` is { category, person, source, text, author, group, urgent, started, about, aboutReference }.
 */
export async function sealConcern(said, readers, version, pair, incident, record) {
  const seconds = (date) => date.toISOString().replace(/\.\d+Z$/, "Z");
  const header = utf8(
    JSON.stringify({
      version: 1,
      record,
      incident,
      signer: await envelope.keyId(pair.publicKey),
      group: said.group,
      urgent: said.urgent,
      started: seconds(said.started),
      sealed_to: readers.map((one) => one.key_id),
      recipients_version: version,
    }),
  );
  const about = { version: 1, category: said.category, person: said.person };
  const heading = { ...about, kind: "report", count: 1, certainty: "reported" };
  const evidence = {
    ...about,
    source: said.source,
    text: said.text,
    author: said.author,
    at: seconds(new Date()),
    about: said.about ?? null,
    about_reference: said.aboutReference ?? "",
  };
  const keys = readers.map((one) => one.publicKey);
  const seal = (purpose, content) =>
    envelope.seal(utf8(JSON.stringify(content)), keys, { purpose, subject: incident, record, header });
  const parts = { heading: await seal("heading", heading), evidence: await seal("evidence", evidence) };
  const signature = await sign("concern", incident, record, await whole(header, parts.heading, parts.evidence), pair);
  return {
    header: base64(header),
    heading: base64(parts.heading),
    evidence: base64(parts.evidence),
    signature: base64(signature),
  };
}

/** The header of a concern once the lead's signature holds. The alert is as `alert.verify` takes one, with `lead_key`. */
export async function verifyConcern(alert, incident) {
  const header = unbase64(alert.header);
  const read = JSON.parse(text(header));
  const digest = alert.evidence ? await sha256(unbase64(alert.evidence)) : unbase64(alert.evidence_digest);
  const sealed = concat(await sha256(header), await sha256(unbase64(alert.heading)), digest);
  if (read.incident !== incident) {
    throw new SignatureError(gettext("This record belongs to another case. It was moved after it was signed."));
  }
  const by = { signer: unbase64(alert.lead_key), signature: unbase64(alert.signature), signers: [read.signer] };
  await check("concern", incident, read.record, sealed, by);
  return read;
}

async function whole(header, heading, evidence) {
  return concat(await sha256(header), await sha256(heading), await sha256(evidence));
}
