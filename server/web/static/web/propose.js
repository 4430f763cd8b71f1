// Exceptions that leads propose for the next signed policy: signed, and sealed to the leads who may open the case behind
// one. Nothing in one names that case.

import { ask } from "./page.js";
import { leadsOf, mayOpen, readList } from "./recipients.js";
import { openSigned, sealSigned } from "./sealed.js";

const ENTRIES_MAX = 8; // of one case: more is no slip of a list, and wants a look at the list itself

/** What a false alarm would be an exception for: each entry that matched in the case's category. */
export const exceptionsOf = (evidence, category, group) =>
  evidence.matched
    .filter((one) => one.category === category)
    .slice(0, ENTRIES_MAX)
    .map((one) => ({ category, kind: evidence.kind, entry: one.entry, group }));

/** Propose them, each as a document of its own; `person` is whom the case is about, which none of them says. */
export async function propose(exceptions, person, addresses, author, pair) {
  const leads = leadsOf(await readList(await ask(addresses.recipients)));
  for (const one of exceptions) {
    const keys = leads.filter((lead) => mayOpen(lead, one.group, person)).map((lead) => lead.publicKey);
    const id = crypto.randomUUID();
    const said = { version: 1, ...one, author, at: new Date().toISOString() };
    await ask(addresses.propose, await sealSigned("exception", said, keys, id, id, pair));
  }
}

/**
 * What is proposed and not settled: { found: [{ ids, category, kind, entry, group, authors, at }], unreadable, categories },
 * those for the same thing as one.
 */
export async function loadProposed(addresses, pair) {
  const { exceptions, categories } = await ask(addresses.proposed);
  const signers = leadsOf(await readList(await ask(addresses.recipients))).map((one) => one.key_id);
  const found = new Map();
  let unreadable = 0;
  for (const one of exceptions) {
    try {
      const said = await openSigned("exception", one, one.id, pair, signers);
      const { category, kind, entry, group, author, at } = said;
      const key = JSON.stringify([category, kind, entry, group]);
      const before = found.get(key) ?? { ids: [], category, kind, entry, group, authors: new Set(), at };
      before.ids.push(one.id);
      before.authors.add(author);
      found.set(key, before);
    } catch {
      unreadable += 1;
    }
  }
  return { found: [...found.values()], unreadable, categories };
}

/** The lines of the policy, in TOML; `until` is a day, written `2026-11-20`. */
export const policyLines = (exceptions, until) =>
  exceptions
    .map(({ category, kind, entry, group }) =>
      [
        "[[exceptions]]",
        `category = ${JSON.stringify(category)}`,
        `${kind === "app" ? "app" : "site"} = ${JSON.stringify(entry)}`,
        `group = ${JSON.stringify(group)}`,
        'response = "ignore"',
        'reason = "false_alarm"',
        `until = ${until}`,
        "",
      ].join("\n"),
    )
    .join("\n");
