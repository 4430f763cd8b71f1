// One case: its heading once unlocked, its evidence after a logged release, and everything that leads do with it.

import * as alerts from "./alert.js";
import { keepLink, offerForms } from "./casedecide.js";
import { offerHandOver } from "./casehand.js";
import { findRelated } from "./caserelated.js";
import { watchStanding } from "./casestanding.js";
import { drawTimeline } from "./casetimeline.js";
import { concernView, evidenceView } from "./caseview.js";
import { OpenError } from "./envelope.js";
import { fill } from "./headings.js";
import { ask, element, find, show, tell } from "./page.js";
import { exceptionsOf } from "./propose.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, language } from "./words.js";

const NEWER = gettext("There is a newer report of this case that is not open to you yet. Ask a colleague who can open it to share it with you.");
const page = find("case");
const { incident } = page.dataset;
const problem = (words) => {
  tell(find("desk-problem"), words);
  if (words) find("desk-problem").scrollIntoView({ block: "nearest" });
};
const inWords = (fault) => (fault instanceof OpenError ? gettext("This record can’t be opened: {message}.", { message: fault.message }) : fault.message);
const said = (words) => (find("done").textContent = words);

let context = null; // of the forms, once the evidence is open
let timeline = async () => {};
watchStanding(page, async (standing) => {
  await timeline().catch((fault) => problem(inWords(fault)));
  showState(standing.is_open);
});
for (const button of document.querySelectorAll("[data-press]")) {
  button.addEventListener("click", () => pressed(button, JSON.parse(button.dataset.body ?? "{}")));
}
find("merge").addEventListener("submit", mergeByNumber);

await whenUnlocked(async (pair) => {
  const { alerts: [alert], categories, services } = await ask(page.dataset.headings);
  const opened = alert && (await fill(page, alert, categories, pair));
  if (!opened) return;
  const { header, heading } = opened;
  timeline = () => drawTimeline(page, pair, header);
  find("open").addEventListener("click", () => release(pair, { categories, services }, heading.category));
  find("open").disabled = false;
  show(find("open-hint"), false);
  await timeline();
  const self = {
    incident,
    device: header.device ?? null,
    person: heading.person,
    started: new Date(header.started),
    ended: new Date(header.ended ?? header.started),
  };
  await findRelated(page, self, pair, categories, {
    link: (other, button) => linkTo(other, button, pair),
    merge: (other, button) => mergeIn(other, button),
  });
});

async function release(pair, words, category) {
  const button = find("open");
  button.disabled = true;
  problem();
  try {
    const released = await ask(page.dataset.release, {});
    const header = await alerts.verify(released.alert, incident);
    const evidence = await alerts.open(released.alert, header, "evidence", pair);
    const readers = await alerts.recipientsOf(header, released.recipients, released.rewraps);
    show(find("before"), false);
    show(find("notes-hint"), false);
    const view = header.device ? evidenceView(evidence, header, words) : concernView(evidence, header);
    find("opened").replaceChildren(...view);
    if (released.newer) find("opened").prepend(element("p", { class: "message warn" }, NEWER));
    await timeline().catch((fault) => problem(inWords(fault)));
    show(find("opened"));
    const exceptions = header.device ? exceptionsOf(evidence, category, header.group) : [];
    context = { page, pair, readers: () => readers, exceptions, person: evidence.person };
    await offerForms(context, kept);
    showState(page.dataset.state === "open");
    show(find("print-part"));
    await offerHandOver(page, pair, handed).catch((fault) => problem(fault.message));
    find("evidence-title").setAttribute("tabindex", "-1");
    find("evidence-title").focus();
  } catch (fault) {
    button.disabled = false;
    problem(inWords(fault));
  }
}

async function handed(label) {
  await timeline();
  said(gettext("The case is open to {label} now.", { label }));
}

/** After something was kept: the timeline anew, and the forms that fit. */
async function kept(kind) {
  await timeline();
  if (kind === "outcome") showState(false);
  if (kind === "reopened") showState(true);
  said({ outcome: gettext("The case is closed."), reopened: gettext("The case is open again."), note: gettext("The note is kept.") }[kind]);
  if (kind !== "note") find("notes-card").scrollIntoView({ block: "nearest" });
}

function showState(isOpen) {
  page.dataset.state = isOpen ? "open" : "closed";
  find("state").textContent = isOpen ? gettext("Open") : gettext("Closed");
  find("state").className = `chip ${isOpen ? "warn" : "good"}`;
  if (context === null) return;
  show(find("note-card"));
  show(find("close-card"), isOpen);
  show(find("reopen-card"), !isOpen);
}

async function pressed(button, body) {
  button.disabled = true;
  problem();
  try {
    await ask(button.dataset.press, body);
    location.reload();
  } catch (fault) {
    button.disabled = false;
    problem(fault.message);
  }
}

async function linkTo(other, button, pair) {
  if (context === null) {
    problem(gettext("Open the evidence first: a link is a sealed note, and is sealed to those who can read this case."));
    return;
  }
  button.disabled = true;
  problem();
  try {
    await keepLink({ ...context, pair }, other);
    await timeline();
    said(gettext("{reference} is linked.", { reference: other.reference }));
  } catch (fault) {
    button.disabled = false;
    problem(fault.message);
  }
}

async function mergeIn(other, button) {
  button.disabled = true;
  problem();
  try {
    await ask(page.dataset.merge.replace(incident, other.incident), { into: incident });
    await timeline();
    said(gettext("{reference} is a part of this case now.", { reference: other.reference }));
  } catch (fault) {
    button.disabled = false;
    problem(fault.message);
  }
}

async function mergeByNumber(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  tell(find("merge-problem"));
  try {
    const number = find("merge-into").value.trim();
    const found = await ask(`${page.dataset.find}?reference=${encodeURIComponent(number)}`);
    await ask(page.dataset.merge, { into: found.id });
    location.reload();
  } catch (fault) {
    tell(find("merge-problem"), fault.message);
    button.disabled = false;
  }
}

// Before any printing, from the browser's own menu too.
addEventListener("beforeprint", () => {
  const how = { dateStyle: "long", timeStyle: "short", timeZone: document.body.dataset.zone };
  find("printed-at").textContent = new Intl.DateTimeFormat(language, how).format(new Date());
});
find("print").addEventListener("click", () => print());
