// The rows of the queue's table. Everything is put in as text, so nothing a device wrote can act.

import { seen } from "./headings.js";
import { element, name, time } from "./page.js";
import { personView } from "./people.js";
import { overdue } from "./queuelist.js";
import { categoryName, span } from "./queuewords.js";
import { gettext } from "./words.js";

const chip = (kind, words) => element("span", { class: `chip ${kind}` }, words);

/** A table row of one case. `context`: categories, due, now, zone, address (of a case), chosen (ids), sampleSite. */
export function rowOf(one, context) {
  const { id, urgent } = one.clear;
  const row = element("tr", { "data-incident": id, ...(urgent ? { class: "urgent" } : {}) });
  row.append(
    headCell(one, context),
    cell(gettext("Urgency"), element("span", {}, urgent ? chip("urgent", gettext("Urgent")) : chip("plain", gettext("Routine")))),
    ...(one.heading ? openedCells(one, context) : problemCells(one)),
    cell(gettext("Group"), one.clear.group),
    deviceCell(one.clear),
    cell(one.clear.waiting ? gettext("Waiting") : gettext("Closed"), waiting(one, context)),
  );
  return row;
}

function headCell(one, { address, chosen, sampleSite, closable }) {
  const { id, reference, sample, name: holder } = one.clear;
  const link = element("a", { href: address.replace("00000000-0000-0000-0000-000000000000", id) }, reference);
  const cell = element("th", { scope: "row" });
  if (closable(one)) {
    const box = element("input", { type: "checkbox", "aria-label": gettext("Select {reference}", { reference }), "data-choose": id });
    box.checked = chosen.has(id);
    cell.append(element("label", { class: "choose" }, box), " ");
  }
  cell.append(element("span", { class: "whole" }, link));
  if (sample && !sampleSite) cell.append(" ", chip("plain", gettext("sample")));
  if (!sample && sampleSite) cell.append(" ", chip("", gettext("real")));
  if (holder) cell.append(element("span", { class: "small quiet holder" }, gettext("with {who}", { who: holder })));
  return cell;
}

function deviceCell({ device, lost }) {
  const made = cell(gettext("Device"), name(device || gettext("Recorded by hand")));
  if (lost) made.append(" ", chip("warn", gettext("lost")));
  return made;
}

function openedCells({ heading }, { categories }) {
  return [
    cell(gettext("Category"), categoryName(categories, heading.category)),
    cell(gettext("Person"), personView(heading.person)),
    cell(gettext("Times"), seen(heading), "number"),
  ];
}

function problemCells({ problem }) {
  const label = problem.trusted ? gettext("Unreadable") : gettext("Not to be trusted");
  return [
    cell(gettext("Category"), chip("warn", label)),
    cell(gettext("Person"), element("span", { class: "small" }, whyNot(problem))),
    cell(gettext("Times"), "", "number"),
  ];
}

/** A worker has no catalogue: what it said is a sentence of ours, looked up here. */
const whyNot = ({ words, sealed }) => (sealed ? gettext("It can’t be opened: {why}.", { why: gettext(words) }) : gettext(words));

function waiting(one, { due, now }) {
  const { since, again, gone } = one.clear;
  const when = time(since);
  when.title = when.textContent;
  when.textContent = span(now - Date.parse(since));
  const cell = element("span", {}, when);
  if (gone) cell.append(" ", chip("good", gettext("Closed just now")));
  else if (overdue(one, due, now)) cell.append(" ", chip("warn", gettext("Overdue")));
  if (again) cell.append(" ", chip("warn", gettext("Went on after closing")));
  return cell;
}

const cell = (label, content, kind) =>
  element("td", { "data-label": label, ...(kind ? { class: kind } : {}) }, content);
