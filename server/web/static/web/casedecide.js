// What a lead writes about a case: a note, the decision, why it is reopened. Sealed and signed before it is sent.

import { keepDraft } from "./drafts.js";
import { ask, find, show, tell } from "./page.js";
import { propose } from "./propose.js";
import { sealSigned } from "./sealed.js";
import { gettext } from "./words.js";

/**
 * Offer the forms of this case. `context` is { page, pair, readers, exceptions, person }: `readers()` gives the public
 * keys to seal to, `exceptions` are what a false alarm could be an exception for, `person` whom the case is about.
 * `done(kind)` is called after something was kept.
 */
export async function offerForms(context, done) {
  const { page, pair } = context;
  const { incident } = page.dataset;
  await form(context, "note", page.dataset.notes, incident, pair, done, () => ({ text: typed("note-text") }));
  await form(context, "close", page.dataset.close, incident, pair, done, decision);
  await form(context, "reopen", page.dataset.reopen, incident, pair, done, () => ({ text: typed("reopen-text") }));
  for (const kind of ["change", "restored"]) find("close").addEventListener(kind, askDates);
  find("close").addEventListener("reset", () => setTimeout(askDates)); // the fields empty themselves after the event
  const offer = () => show(find("propose-part"), context.exceptions.length > 0 && decision().finding === "false_alarm");
  for (const kind of ["change", "restored"]) find("close").addEventListener(kind, offer);
  offer();
  askDates();
}

const typed = (id) => find(id).value.trim();
const KINDS = { note: "note", close: "outcome", reopen: "reopened" };

/** What the form to close says: a case that is watched, or accepted, until a day comes back by itself on that day. */
export function decision() {
  const finding = new FormData(find("close")).get("finding");
  const outcome = find("outcome").value;
  const days = [];
  if (finding === "accepted") days.push(find("accepted-until").value);
  if (outcome === "watch") days.push(find("watch-until").value);
  const [backOn] = days.filter(Boolean).sort();
  return { text: typed("close-text"), finding, outcome, ...(backOn ? { back_on: backOn } : {}) };
}

/** Ask for a day where one is needed. */
export function askDates() {
  const finding = new FormData(find("close")).get("finding");
  for (const [id, wanted] of [["accepted-until", finding === "accepted"], ["watch-until", find("outcome").value === "watch"]]) {
    show(find(`${id}-part`), wanted);
    find(id).required = wanted;
    find(id).disabled = !wanted;
  }
}

/** The case is closed by now: that an exception could not be proposed must not look as if it were not. */
async function proposeFor({ page, exceptions, person }, pair) {
  try {
    await propose(exceptions, person, page.dataset, page.dataset.author, pair);
  } catch (fault) {
    const words = gettext("The case is closed, but no exception was proposed: {why} Reopen it to try again.", { why: fault.message });
    tell(find("desk-problem"), words);
  }
}

async function form(context, id, address, incident, pair, done, content) {
  const node = find(id);
  const sent = await keepDraft(node, incident, pair);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = node.querySelector("button");
    const problem = find(`${id}-problem`);
    button.disabled = true;
    tell(problem);
    try {
      const { back_on: backOn, ...said } = content();
      const { author } = context.page.dataset;
      const whole = { version: 1, kind: KINDS[id], ...said, author, at: new Date().toISOString() };
      if (backOn) whole.back_on = backOn;
      const note = await sealSigned("note", whole, context.readers(), incident, crypto.randomUUID(), pair);
      await ask(address, backOn ? { ...note, back_on: backOn } : note);
      sent();
      const wanted = id === "close" && whole.finding === "false_alarm" && find("propose").checked;
      node.reset();
      await done(whole.kind);
      if (wanted) await proposeFor(context, pair);
    } catch (fault) {
      const kept = fault.status === 401 ? ` ${gettext("What you typed is kept, sealed, in this browser.")}` : "";
      tell(problem, fault.message + kept);
    } finally {
      button.disabled = false;
    }
  });
}

/** Keep a link to another case as a sealed note on this one. The collector sees a note like any other. */
export async function keepLink(context, other) {
  const { page, pair } = context;
  const { incident, author, notes } = page.dataset;
  const about = { kind: "link", incident: other.incident, reference: other.reference, text: "" };
  const whole = { version: 1, ...about, author, at: new Date().toISOString() };
  await ask(notes, await sealSigned("note", whole, context.readers(), incident, crypto.randomUUID(), pair));
}
