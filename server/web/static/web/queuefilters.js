// The queue's filters and order: read from the form, and kept in the address as far as nothing sealed is in them.

import { element, find } from "./page.js";
import { NOTHING, SORTS } from "./queuelist.js";
import { categoryName } from "./queuewords.js";
import { language } from "./words.js";

// A search and a category are sealed words: they stay in the form, and are in no address, history or storage.
const IN_ADDRESS = ["urgency", "group", "whose"];

/** What is asked for now. */
export function asked(sort) {
  return {
    ...NOTHING,
    words: find("search").value,
    urgency: find("urgency").value,
    category: find("category").value,
    group: find("group").value,
    whose: find("whose").value,
    late: find("late")?.checked ?? false,
    muted: find("muted")?.checked ?? false,
    ...sort,
  };
}

/** Set the form as the address says, and return the order in it. */
export function fromAddress() {
  const address = new URLSearchParams(location.search);
  for (const id of IN_ADDRESS) {
    const value = address.get(id) ?? "";
    const field = find(id);
    if (id === "group" && value) field.append(element("option", { value }, value));
    if (Array.from(field.options).some((option) => option.value === value)) field.value = value;
  }
  if (find("late")) find("late").checked = address.get("late") === "yes";
  const sort = address.get("sort");
  return SORTS.includes(sort) ? { sort, down: address.get("down") === "yes" } : { sort: "rank", down: false };
}

/** Keep what is asked for in the address, so that coming back from a case finds the same list. */
export function toAddress(now) {
  const address = new URLSearchParams(location.search);
  const set = (key, value) => (value ? address.set(key, value) : address.delete(key));
  for (const id of IN_ADDRESS) set(id, now[id]);
  set("late", now.late && "yes");
  set("sort", now.sort !== "rank" && now.sort);
  set("down", now.down && "yes");
  address.delete("after");
  history.replaceState(null, "", `?${address}`);
}

/** Offer the categories and groups that there are. */
export function offer(cases, categories) {
  const opened = cases.filter((one) => one.heading).map((one) => one.heading.category);
  fill(find("category"), new Map(opened.map((category) => [category, categoryName(categories, category)])));
  fill(find("group"), new Map(cases.map(({ clear: { group } }) => [group, group])));
}

function fill(field, choices) {
  const kept = field.value;
  if (kept && !choices.has(kept)) choices.set(kept, kept);
  const sorted = [...choices].sort(([, one], [, other]) => one.localeCompare(other, language));
  const made = sorted.map(([value, words]) => element("option", { value }, words));
  field.replaceChildren(field.options[0], ...made);
  field.value = kept;
}
