// Whom a case may be sealed to, out of the signed list: the rule of protocol/publication.py, `Recipient.may_open`.

import { sameAccount } from "./people.js";
import { unbase64 } from "./bytes.js";
import { keyId } from "./envelope.js";
import { gettext } from "./words.js";

/** Something is wrong with the list of who may open cases. The message is for the person. */
export class ListError extends Error {}

/** The list that the collector published, once each key is the one that its id names. */
export async function readList(given) {
  const recipients = await Promise.all(
    given.recipients.map(async (one) => ({ ...one, publicKey: unbase64(one.public_key) })),
  );
  for (const one of recipients) {
    if ((await keyId(one.publicKey)) !== one.key_id) {
      throw new ListError(gettext("The list of who may open cases is damaged. Nothing was sent; tell your custodians."));
    }
  }
  return { version: given.version, recipients };
}

/** The leads and deputies of the list. */
export const leadsOf = (list) => list.recipients.filter((one) => one.role !== "recovery");

/** Whether a case of this group about this person may be opened with a key of the list. */
export function mayOpen(one, group, person) {
  if (one.role === "recovery") return true;
  const inScope = one.groups.length === 0 || one.groups.includes(group);
  return inScope && !isAbout(one, person);
}

/** Whether a case about this person may be about the key's own holder. */
export const isAbout = (one, person) => one.never_about.some((own) => sameAccount(person, own));

/** Whom a new case is sealed to; throws where no lead would be left to open it. */
export function forCase(list, group, person) {
  const found = list.recipients.filter((one) => mayOpen(one, group, person));
  if (!found.some((one) => one.role !== "recovery")) {
    throw new ListError(
      gettext("Nobody but the recovery key could open this: it is about everyone who is responsible for this group. Tell your custodians."),
    );
  }
  return found;
}
