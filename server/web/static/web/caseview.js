// What opened evidence and notes look like. Everything is put in as text, so nothing a device wrote can act.

import { element, name, time, times, zone } from "./page.js";

const SOURCES = {
  browser_history: "The browser’s own history",
  foreground: "The app in front",
  processes: "A program that was running",
  gateway: "The organisation’s name service",
};
const FINDINGS = { concern: "A true concern", accepted: "True, and accepted", false_alarm: "A false alarm" };

const table = (caption, headings, rows) =>
  element(
    "table",
    { class: "stack" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...headings.map((words) => element("th", { scope: "col" }, words)))),
    element(
      "tbody",
      {},
      ...rows.map(([first, ...rest]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, first),
          ...rest.map((value, at) => element("td", { "data-label": headings[at + 1] }, value)),
        ),
      ),
    ),
  );

const facts = (pairs) =>
  element(
    "dl",
    { class: "facts" },
    ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
  );

/** Why a case was flagged: names, entries, lists, times, source and policy line. */
export function evidenceView(evidence, header, categories) {
  const what = evidence.kind === "app" ? "App" : "Host name";
  return [
    element("p", { class: "message good", role: "status" }, "The device’s signature holds, and this opening is in the audit log."),
    facts([
      ["Seen", times(evidence.count)],
      ["By", SOURCES[evidence.source] ?? evidence.source],
    ]),
    table(
      `What was seen. Times are in ${zone} time.`,
      [what, "Times", "First", "Last"],
      evidence.seen.map((one) => [
        element("span", { class: "mono", "data-name": one.name }, name(one.name)),
        String(one.count),
        time(one.first),
        time(one.last),
      ]),
    ),
    element("h3", {}, "Why it was flagged"),
    table(
      "The entry that matched, and every list that has it",
      ["Entry", "Category", "Lists"],
      evidence.matched.map((one) => [
        element("span", { class: "mono" }, name(one.entry)),
        categories[one.category] ?? one.category,
        one.lists.join(", "),
      ]),
    ),
    facts([
      ["Policy", evidence.policy_line],
      ["Policy version", String(evidence.policy_version)],
      ["Updates", header.revision === 0 ? "none since the first report" : String(header.revision)],
    ]),
  ];
}

/** A note or outcome. Who and when come from inside the seal; the collector's own word stands beside if it differs. */
export function noteView(note, given) {
  const by = element("p", { class: "small quiet" }, `${note.author}, `, time(note.at));
  if (given.author !== note.author) by.append(` (the collector says: ${given.author})`);
  const parts = [by, element("p", {}, note.text)];
  if (note.kind === "outcome") {
    const outcome = document.querySelector(`#outcome option[value="${CSS.escape(note.outcome)}"]`)?.textContent;
    const words = `${FINDINGS[note.finding] ?? note.finding} · ${outcome ?? note.outcome}`;
    parts.unshift(element("p", {}, element("strong", {}, words)));
  }
  return element("article", { class: "note" }, ...parts);
}
