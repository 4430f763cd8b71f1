// Everything that happened to a case, in order: what the collector knows in clear, and notes that are opened here.

import * as alerts from "./alert.js";
import { noteView } from "./caseview.js";
import { ask, element, find, show, tell, time } from "./page.js";
import { openSigned, SignatureError } from "./sealed.js";
import { gettext, spread } from "./words.js";

/** Draw the timeline. Notes come once this person has opened the case; `header` says whom it was sealed to. */
export async function drawTimeline(page, pair, header) {
  const { incident } = page.dataset;
  const { events, notes, parts, rewraps } = await ask(page.dataset.timeline);
  const signers = await alerts.readersOf(header, rewraps);
  drawParts(page, parts);
  const items = events.map((event) => ({ at: event.at, view: eventView(event) }));
  const opened = [];
  for (const note of notes) {
    const content = await read(note, incident, pair, signers);
    if (content) opened.push({ ...content, id: note.id });
    items.push({ at: note.at, view: content ? noteView(content, note) : refused(note) });
  }
  items.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  find("notes").replaceChildren(...items.map((item) => element("li", {}, item.view)));
  show(find("no-notes"), items.length === 0);
  show(find("notes-card"));
  return opened;
}

/** The cases that were made a part of this one, each with a way to take it apart again. */
function drawParts(page, parts) {
  const items = parts.map((part) => {
    const label = gettext("Take {reference} apart from this case", { reference: part.reference });
    const button = element("button", { type: "button", class: "text screen-only", "aria-label": label }, gettext("Take it apart"));
    button.addEventListener("click", async () => {
      button.disabled = true;
      tell(find("parts-problem"));
      try {
        await ask(page.dataset.apart.replace(page.dataset.incident, part.id), {});
        item.remove();
        show(find("parts-card"), find("parts").children.length > 0);
      } catch (fault) {
        tell(find("parts-problem"), fault.message);
        button.disabled = false;
      }
    });
    const item = element("li", {}, caseLink(part), " ", button);
    return item;
  });
  find("parts").replaceChildren(...items);
  show(find("parts-card"), items.length > 0);
}

const problems = new WeakMap();

async function read(note, incident, pair, signers) {
  try {
    return await openSigned("note", note, incident, pair, signers);
  } catch (fault) {
    problems.set(note, fault);
    return null;
  }
}

function refused(note) {
  const fault = problems.get(note);
  const words =
    fault instanceof SignatureError
      ? gettext("Not to be trusted: a note said to be by {author}. {message}", { author: note.author, message: fault.message })
      : gettext("A note of {author} can’t be opened with this key.", { author: note.author });
  return element("p", { class: "message bad", "data-refused": note.id }, words);
}

function eventView(event) {
  return element("p", { class: "happened" }, time(event.at), " ", ...sentence(event));
}

function sentence({ what, by, to, other }) {
  const who = by ?? "Fairwatch";
  const reference = other ? caseLink(other) : gettext("another case");
  switch (what) {
    case "recorded":
      return [gettext("{who} recorded this concern.", { who })];
    case "opened":
      return [gettext("{who} opened the evidence for the first time.", { who })];
    case "acknowledged":
      return [gettext("{who} acknowledged the case.", { who })];
    case "assigned":
      return [by === to ? gettext("{who} took the case.", { who }) : gettext("{who} gave the case to {to}.", { who, to })];
    case "let_go":
      return [gettext("{who} let go of the case.", { who })];
    case "closed":
      return [gettext("{who} closed the case.", { who })];
    case "reopened":
      return [gettext("{who} reopened the case.", { who })];
    case "came_back":
      return [gettext("The case came back by itself, on the day that was set.")];
    case "merged":
      return spread(gettext("{who} made this case a part of {reference}."), { who, reference });
    case "took_in":
      return spread(gettext("{who} made {reference} a part of this case."), { who, reference });
    case "taken_apart":
      return spread(gettext("{who} took this case apart from {reference}."), { who, reference });
    case "gave_back":
      return spread(gettext("{who} took {reference} apart from this case."), { who, reference });
    case "shared":
      return [to ? gettext("{who} handed the case to {to}.", { who, to }) : gettext("{who} handed the case to one more reader.", { who })];
    case "held":
      return [gettext("{who} put the case on hold: it is not deleted by age.", { who })];
    case "hold_lifted":
      return [gettext("{who} lifted the hold.", { who })];
    default:
      return [`${who}: ${what.replaceAll("_", " ")}.`];
  }
}

/** A case by its number, as a link. */
export const caseLink = ({ id, reference }) => element("a", { href: `/desk/incidents/${encodeURIComponent(id)}/`, class: "whole" }, reference);
