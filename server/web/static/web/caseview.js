// What opened evidence and notes look like. Everything is put in as text, so nothing a device wrote can act.

import { day, element, name, time, times, zone } from "./page.js";
import { table } from "./table.js";
import { gettext, ngettext, spread } from "./words.js";

const SOURCES = {
  browser_history: gettext("The browser’s own history"),
  browser_extension: gettext("The browser itself, through its extension"),
  foreground: gettext("The app in front"),
  processes: gettext("A program that was running"),
  resolved: gettext("The laptop’s own resolver, which some program asked for the name"),
  companion: gettext("The app in front, by the phone’s own count"),
  doh: gettext("The organisation’s gateway, which a phone asked for the name"),
  dot: gettext("The organisation’s gateway, which a phone asked for the name; whose phone it was is unproven"),
};
/** Of these it is not known whether anybody went there: the heading says how sure it is. */
const LOOKED_UP = new Set(["doh", "dot", "resolved"]);
const FINDINGS = { concern: gettext("A true concern"), accepted: gettext("True, and accepted"), false_alarm: gettext("A false alarm") };

const facts = (pairs) =>
  element(
    "dl",
    { class: "facts" },
    ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
  );

const REPORTS = {
  tutor: gettext("A tutor or another member of staff"),
  learner: gettext("A learner"),
  partner: gettext("A partner organisation"),
  parent: gettext("A parent or carer"),
  social_media: gettext("A post on social media"),
  other: gettext("Somebody else"),
};

/** A concern that was recorded by hand: who said it, what, and who wrote it down. */
export function concernView(evidence, header) {
  const told = [
    [gettext("Came from"), REPORTS[evidence.source] ?? evidence.source],
    [gettext("When it was"), time(header.started)],
    [gettext("Written down by"), evidence.author],
    [gettext("Written down"), time(evidence.at)],
  ];
  const about = { href: `/desk/incidents/${encodeURIComponent(evidence.about)}/` };
  if (evidence.about) told.push([gettext("Belongs to"), element("a", about, evidence.about_reference || gettext("an earlier case"))]);
  return [
    element("p", { class: "message good", role: "status" }, gettext("The lead’s signature holds, and this opening is in the audit log.")),
    element("div", { class: "note" }, element("p", { "data-said": "" }, evidence.text)),
    facts(told),
  ];
}

/** How many lists have what was seen: one list is a hint, several are more. */
function agreement(matched) {
  const lists = new Set(matched.flatMap((one) => one.lists));
  if (lists.size === 0) return gettext("none is named");
  return ngettext("1: one list alone is a hint, so look at what it is", "{count} lists", lists.size);
}

/** Why a case was flagged: names, entries, lists, times, source and policy line. */
export function evidenceView(evidence, header, { categories, services }) {
  const named = (id) => services[id] ?? name(id);
  const app = evidence.seen.every((one) => one.name.startsWith("service:")) ? gettext("App, likely used") : gettext("App");
  const what = evidence.kind === "app" ? app : gettext("Host name");
  return [
    element("p", { class: "message good", role: "status" }, gettext("The device’s signature holds, and this opening is in the audit log.")),
    facts([
      [LOOKED_UP.has(evidence.source) ? gettext("Looked up") : gettext("Seen"), times(evidence.count)],
      [gettext("By"), SOURCES[evidence.source] ?? evidence.source],
    ]),
    table(
      gettext("What was seen. Times are in {zone} time.", { zone }),
      [what, gettext("Times"), gettext("First"), gettext("Last")],
      evidence.seen.map((one) => [
        element("span", { class: "mono", "data-name": one.name }, named(one.name)),
        String(one.count),
        time(one.first),
        time(one.last),
      ]),
    ),
    element("h3", {}, gettext("Why it was flagged")),
    table(
      gettext("The entry that matched, and every list that has it"),
      [gettext("Entry"), gettext("Category"), gettext("Lists")],
      evidence.matched.map((one) => [
        element("span", { class: "mono" }, named(one.entry)),
        categories[one.category] ?? one.category,
        one.lists.join(", "),
      ]),
    ),
    facts([
      [gettext("Lists that agree"), agreement(evidence.matched)],
      [gettext("Policy"), evidence.policy_line],
      [gettext("Policy version"), String(evidence.policy_version)],
      [gettext("Updates"), header.revision === 0 ? gettext("none since the first report") : String(header.revision)],
    ]),
  ];
}

/** A note or outcome. Who and when come from inside the seal; the collector's own word stands beside if it differs. */
export function noteView(note, given) {
  const by = element("p", { class: "small quiet" }, `${note.author}, `, time(note.at));
  if (given.author !== note.author) by.append(` ${gettext("(the collector says: {author})", { author: given.author })}`);
  const parts = [by];
  if (note.text) parts.push(element("p", {}, note.text));
  if (note.kind === "reopened") parts.unshift(element("p", {}, element("strong", {}, gettext("Reopened"))));
  if (note.kind === "link") {
    const other = element("a", { href: `/desk/incidents/${encodeURIComponent(note.incident)}/` }, note.reference);
    parts.unshift(element("p", {}, ...spread(gettext("Linked to {case}"), { case: other })));
  }
  if (note.kind === "outcome") {
    const outcome = document.querySelector(`#outcome option[value="${CSS.escape(note.outcome)}"]`)?.textContent;
    const words = `${FINDINGS[note.finding] ?? note.finding} · ${outcome ?? note.outcome}`;
    if (note.back_on) parts.unshift(element("p", {}, ...spread(gettext("Back in the queue on {day}."), { day: day(note.back_on) })));
    parts.unshift(element("p", {}, element("strong", {}, words)));
  }
  return element("article", { class: "note" }, ...parts);
}
