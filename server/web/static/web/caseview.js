// What opened evidence and notes look like. Everything is put in as text, so nothing a device wrote can act.

import { day, element, name, time, times, zone } from "./page.js";
import { table } from "./table.js";

const SOURCES = {
  browser_history: "The browser’s own history",
  foreground: "The app in front",
  processes: "A program that was running",
  gateway: "The organisation’s name service",
};
const FINDINGS = { concern: "A true concern", accepted: "True, and accepted", false_alarm: "A false alarm" };

const facts = (pairs) =>
  element(
    "dl",
    { class: "facts" },
    ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
  );

const REPORTS = {
  tutor: "A tutor or another member of staff",
  learner: "A learner",
  partner: "A partner organisation",
  parent: "A parent or carer",
  social_media: "A post on social media",
  other: "Somebody else",
};

/** A concern that was recorded by hand: who said it, what, and who wrote it down. */
export function concernView(evidence, header) {
  const told = [
    ["Came from", REPORTS[evidence.source] ?? evidence.source],
    ["When it was", time(header.started)],
    ["Written down by", evidence.author],
    ["Written down", time(evidence.at)],
  ];
  const about = { href: `/desk/incidents/${encodeURIComponent(evidence.about)}/` };
  if (evidence.about) told.push(["Belongs to", element("a", about, evidence.about_reference || "an earlier case")]);
  return [
    element("p", { class: "message good", role: "status" }, "The lead’s signature holds, and this opening is in the audit log."),
    element("div", { class: "note" }, element("p", { "data-said": "" }, evidence.text)),
    facts(told),
  ];
}

/** How many lists have what was seen: one list is a hint, several are more. */
function agreement(matched) {
  const lists = new Set(matched.flatMap((one) => one.lists));
  if (lists.size === 0) return "none is named";
  return lists.size === 1 ? "1: one list alone is a hint, so look at what it is" : `${lists.size} lists`;
}

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
      ["Lists that agree", agreement(evidence.matched)],
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
  const parts = [by];
  if (note.text) parts.push(element("p", {}, note.text));
  if (note.kind === "reopened") parts.unshift(element("p", {}, element("strong", {}, "Reopened")));
  if (note.kind === "link") {
    const other = element("a", { href: `/desk/incidents/${encodeURIComponent(note.incident)}/` }, note.reference);
    parts.unshift(element("p", {}, element("strong", {}, "Linked to "), other));
  }
  if (note.kind === "outcome") {
    const outcome = document.querySelector(`#outcome option[value="${CSS.escape(note.outcome)}"]`)?.textContent;
    const words = `${FINDINGS[note.finding] ?? note.finding} · ${outcome ?? note.outcome}`;
    if (note.back_on) parts.unshift(element("p", {}, "Back in the queue on ", day(note.back_on), "."));
    parts.unshift(element("p", {}, element("strong", {}, words)));
  }
  return element("article", { class: "note" }, ...parts);
}
