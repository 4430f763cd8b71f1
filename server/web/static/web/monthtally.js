// Counting a month's cases: what each was and what came of it, once its heading and its decision are opened here.

import * as alerts from "./alert.js";
import { base64, utf8 } from "./bytes.js";
import { openSigned, sign } from "./sealed.js";

const UNREADABLE = "unreadable";
const UNKNOWN = "unknown"; // a category that is in use no more

/** Nothing counted yet. */
export const nothing = () => ({ urgent: new Map(), routine: new Map(), outcomes: new Map(), cases: 0 });

const add = (counts, kind, count = 1) => counts.set(kind, (counts.get(kind) ?? 0) + count);

/** Add opened cases (as `opener.open` gives them) to the tally. `said` is what the collector said with them. */
export async function count(tally, cases, said, pair) {
  for (const one of cases) {
    const category = one.heading?.category ?? UNREADABLE;
    const known = one.heading && !(category in said.categories) ? UNKNOWN : category;
    add(one.clear.urgent ? tally.urgent : tally.routine, known);
    add(tally.outcomes, await cameOf(one, said.outcomes, pair));
    tally.cases += 1;
  }
}

/** Add cases that were sealed to a key which is not there any more. */
export function countClosed(tally, { urgent, routine }) {
  if (urgent > 0) add(tally.urgent, UNREADABLE, urgent);
  if (routine > 0) add(tally.routine, UNREADABLE, routine);
  if (urgent + routine > 0) add(tally.outcomes, UNREADABLE, urgent + routine);
  tally.cases += urgent + routine;
}

async function cameOf({ clear, read, heading }, outcomes, pair) {
  if (clear.part) return "part";
  if (!clear.decision) return "undecided";
  if (!heading) return UNREADABLE; // nothing says who may sign about it
  try {
    const signers = await alerts.readersOf(read, clear.rewraps);
    const said = await openSigned("note", clear.decision, clear.id, pair, signers);
    const kind = said.finding === "concern" ? said.outcome : said.finding;
    return said.kind === "outcome" && Object.hasOwn(outcomes, kind) ? kind : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

/** What the collector takes: the totals as JSON, signed. */
export async function signed(tally, month, pair) {
  const id = crypto.randomUUID();
  const { urgent, routine, outcomes } = tally;
  const parts = Object.fromEntries(Object.entries({ urgent, routine, outcomes }).map(([name, counts]) => [name, Object.fromEntries(counts)]));
  const text = utf8(JSON.stringify({ version: 1, id, month, at: new Date().toISOString(), ...parts }));
  return { text: base64(text), signer: base64(pair.publicKey), signature: base64(await sign("month", id, id, text, pair)) };
}
