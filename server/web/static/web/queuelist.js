// The list behind the queue's table: which cases are found, and in which order. Pure: it touches no page and keeps nothing.

import { categoryName } from "./queuewords.js";
import { nameOf, personWords } from "./people.js";

export const NOTHING = {
  words: "", urgency: "", category: "", group: "", whose: "", late: false, muted: false, sort: "rank", down: false,
};

const PLAIN = /^[\x20-\x7e]*$/; // nothing to take apart, which is slow
const folded = (words) =>
  (PLAIN.test(words) ? words : words.normalize("NFKD").replace(/\p{M}/gu, "")).toLowerCase();

/** Whether a case waits for longer than it should; `due` is in seconds. */
export const overdue = (one, due, now) =>
  one.clear.waiting && now - Date.parse(one.clear.since) > 1000 * (one.clear.urgent ? due.urgent : due.routine);

/** What a search looks into: everything that the row shows. */
export function words(one, categories) {
  const { reference, group, device, name } = one.clear;
  const opened = one.heading ? [categoryName(categories, one.heading.category), personWords(one.heading.person)] : [];
  return folded([reference, group, device, name, ...opened].join(" "));
}

/** The cases that match all that is asked for, in order. `context` has categories, due, now and own (one's user id). */
export function found(cases, asked, context) {
  const wanted = folded(asked.words).split(/\s+/).filter(Boolean);
  const matching = cases.filter((one) => {
    one.words ??= words(one, context.categories);
    return matches(one, asked, context) && wanted.every((word) => one.words.includes(word));
  });
  const order = ORDERS[asked.sort] ?? ORDERS.rank;
  const sign = asked.down ? -1 : 1;
  const keyed = matching.map((one) => ({ one, key: order(one, context), rank: ORDERS.rank(one) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key) || compare(a.rank, b.rank));
  return keyed.map(({ one }) => one);
}

function matches(one, asked, { due, now, own }) {
  const { urgent, group, with: holder } = one.clear;
  return (
    (!asked.urgency || urgent === (asked.urgency === "urgent")) &&
    (!asked.category || one.heading?.category === asked.category) &&
    (!asked.group || group === asked.group) &&
    (!asked.whose || (asked.whose === "mine" ? holder === own : holder === null)) &&
    (!asked.late || overdue(one, due, now))
  );
}

// Read once a case, and not at each comparison: reading dates was half of a sort.
const sinceOf = (one) => (one.sinceAt ??= Date.parse(one.clear.since));

// Each gives a list of keys that `compare` takes one after the other.
const ORDERS = {
  rank: (one) => [one.clear.waiting ? 0 : 1, one.clear.urgent ? 0 : 1, one.clear.waiting ? sinceOf(one) : -sinceOf(one)],
  reference: (one) => [one.clear.reference],
  urgency: (one) => [one.clear.urgent ? 0 : 1],
  category: (one, { categories }) => [one.heading ? categoryName(categories, one.heading.category) : "\uffff"],
  person: (one) => [(one.personKey ??= one.heading ? folded(nameOf(one.heading.person)?.name ?? one.heading.person) : "\uffff")],
  count: (one) => [one.heading ? -one.heading.count : 1],
  group: (one) => [one.clear.group],
  device: (one) => [one.clear.device],
  since: (one) => [sinceOf(one)],
};

export const SORTS = Object.keys(ORDERS);

function compare(one, other) {
  for (let at = 0; at < one.length; at += 1) {
    if (one[at] < other[at]) return -1;
    if (one[at] > other[at]) return 1;
  }
  return 0;
}
