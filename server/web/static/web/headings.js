// Headings, opened in bulk: they put a category, a person and a count into a row, and nothing of which name.

import * as alerts from "./alert.js";
import { OpenError } from "./envelope.js";
import { element, times } from "./page.js";
import { loadPeople, personView } from "./people.js";
import { SignatureError } from "./sealed.js";
import { gettext, number } from "./words.js";

/** How often it was seen, in words where it was not simply visited: nothing is called more than its source can know. */
export function seen({ certainty, count, identity }) {
  const often = { times: times(count) };
  const words = {
    looked_up: gettext("looked up {times}", often),
    likely: gettext("looked up {times}, visit likely", often),
    unclear: gettext("looked up {times}, unclear", often),
    reported: gettext("reported to a lead"),
  }[certainty];
  if (words === undefined) return number(count);
  return identity === "unproven" ? gettext("{seen}; whose phone is unproven", { seen: words }) : words;
}

/** Verify and open one heading, and fill the cells of `row` that are marked for it. */
export async function fill(row, alert, categories, pair) {
  const cell = (name, ...content) => row.querySelector(`[data-cell="${name}"]`)?.replaceChildren(...content);
  try {
    const header = await alerts.verify(alert, alert.incident);
    const heading = await alerts.open(alert, header, "heading", pair);
    cell("category", element("span", { class: "arriving" }, categories[heading.category] ?? heading.category));
    await loadPeople().catch(() => {}); // without names the accounts stand as they are
    cell("person", personView(heading.person));
    cell("count", element("span", { class: "arriving" }, seen(heading)));
    return { header, heading };
  } catch (fault) {
    const known = [OpenError, alerts.AlertError, SignatureError].some((kind) => fault instanceof kind);
    const why = fault instanceof OpenError ? gettext("It can’t be opened: {message}.", { message: fault.message }) : fault.message;
    cell("category", element("span", { class: "chip warn" }, known ? gettext("Not to be trusted") : gettext("Unreadable")));
    cell("person", element("span", { class: "small" }, known ? why : gettext("It can’t be read.")));
    cell("count");
    return null;
  }
}
