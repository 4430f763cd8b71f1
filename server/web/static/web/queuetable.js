// The rows of the queue's table. Everything is put in as text, so nothing a device wrote can act.

import { element, name, time, times } from "./page.js";
import { personView } from "./people.js";
import { overdue } from "./queuelist.js";
import { categoryName, span } from "./queuewords.js";

const chip = (kind, words) => element("span", { class: `chip ${kind}` }, words);

/** A table row of one case. `context`: categories, due, now, zone, address (of a case), chosen (ids), sampleSite. */
export function rowOf(one, context) {
  const { id, urgent } = one.clear;
  const row = element("tr", { "data-incident": id, ...(urgent ? { class: "urgent" } : {}) });
  row.append(
    headCell(one, context),
    cell("Urgency", element("span", {}, urgent ? chip("urgent", "Urgent") : chip("plain", "Routine"))),
    ...(one.heading ? openedCells(one, context) : problemCells(one)),
    cell("Group", one.clear.group),
    cell("Device", name(one.clear.device || "Recorded by hand")),
    cell(one.clear.waiting ? "Waiting" : "Closed", waiting(one, context)),
  );
  return row;
}

function headCell(one, { address, chosen, sampleSite, closable }) {
  const { id, reference, sample, name: holder } = one.clear;
  const link = element("a", { href: address.replace("00000000-0000-0000-0000-000000000000", id) }, reference);
  const cell = element("th", { scope: "row" });
  if (closable(one)) {
    const box = element("input", { type: "checkbox", "aria-label": `Select ${reference}`, "data-choose": id });
    box.checked = chosen.has(id);
    cell.append(element("label", { class: "choose" }, box), " ");
  }
  cell.append(element("span", { class: "whole" }, link));
  if (sample && !sampleSite) cell.append(" ", chip("plain", "sample"));
  if (!sample && sampleSite) cell.append(" ", chip("", "real"));
  if (holder) cell.append(element("span", { class: "small quiet holder" }, `with ${holder}`));
  return cell;
}

function openedCells({ heading }, { categories }) {
  const seen = heading.certainty === "looked_up" ? `looked up ${times(heading.count)}` : heading.count.toLocaleString("en-GB");
  return [
    cell("Category", categoryName(categories, heading.category)),
    cell("Person", personView(heading.person)),
    cell("Times", seen, "number"),
  ];
}

function problemCells({ problem }) {
  const label = problem.trusted ? "Unreadable" : "Not to be trusted";
  return [cell("Category", chip("warn", label)), cell("Person", element("span", { class: "small" }, problem.words)), cell("Times", "", "number")];
}

function waiting(one, { due, now }) {
  const { since, again, gone } = one.clear;
  const when = time(since);
  when.title = when.textContent;
  when.textContent = span(now - Date.parse(since));
  const cell = element("span", {}, when);
  if (gone) cell.append(" ", chip("good", "Closed just now"));
  else if (overdue(one, due, now)) cell.append(" ", chip("warn", "Overdue"));
  if (again) cell.append(" ", chip("warn", "Went on after closing"));
  return cell;
}

const cell = (label, content, kind) =>
  element("td", { "data-label": label, ...(kind ? { class: kind } : {}) }, content);
