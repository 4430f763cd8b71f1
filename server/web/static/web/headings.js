// Headings, opened in bulk: they put a category, a person and a count into a row, and nothing of which name.

import * as alerts from "./alert.js";
import { OpenError } from "./envelope.js";
import { element, times } from "./page.js";
import { loadPeople, personView } from "./people.js";

/** Verify and open one heading, and fill the cells of `row` that are marked for it. */
export async function fill(row, alert, categories, pair) {
  const cell = (name, ...content) => row.querySelector(`[data-cell="${name}"]`)?.replaceChildren(...content);
  try {
    const header = await alerts.verify(alert, alert.incident);
    const heading = await alerts.open(alert, header, "heading", pair);
    cell("category", element("span", { class: "arriving" }, categories[heading.category] ?? heading.category));
    await loadPeople();
    cell("person", personView(heading.person));
    const seen = heading.certainty === "looked_up" ? `looked up ${times(heading.count)}` : String(heading.count);
    cell("count", element("span", { class: "arriving" }, seen));
    return { header, heading };
  } catch (fault) {
    const known = fault instanceof OpenError || fault instanceof alerts.AlertError;
    const why = fault instanceof OpenError ? `It can’t be opened: ${fault.message}.` : fault.message;
    cell("category", element("span", { class: "chip warn" }, known ? "Not to be trusted" : "Unreadable"));
    cell("person", element("span", { class: "small" }, known ? why : "It can’t be read."));
    cell("count");
    return null;
  }
}
