// One case: its heading once unlocked, its evidence after a logged release, sealed notes and a sealed outcome.

import * as alerts from "./alert.js";
import { OpenError } from "./envelope.js";
import { evidenceView, noteView } from "./caseview.js";
import { fill } from "./headings.js";
import { ask, element, find, show, tell } from "./page.js";
import { openSigned, sealSigned, SignatureError } from "./sealed.js";
import { whenUnlocked } from "./unlock.js";

const NEWER = "There is a newer report of this case that is not open to you yet. Ask a colleague who can open it to share it with you.";
const page = find("case");
const { incident, author } = page.dataset;
const problem = (words) => {
  tell(find("desk-problem"), words);
  if (words) find("desk-problem").scrollIntoView({ block: "nearest" });
};
const inWords = (fault) => (fault instanceof OpenError ? `This record can’t be opened: ${fault.message}.` : fault.message);

await whenUnlocked(async (pair) => {
  const { alerts: [alert], categories } = await ask(page.dataset.headings);
  if (!alert || (await fill(page, alert, categories, pair)) === null) return;
  find("open").disabled = false;
  show(find("open-hint"), false);
  find("open").addEventListener("click", () => release(pair, categories));
});

async function release(pair, categories) {
  const button = find("open");
  button.disabled = true;
  problem();
  try {
    const released = await ask(page.dataset.release, {});
    const header = await alerts.verify(released.alert, incident);
    const evidence = await alerts.open(released.alert, header, "evidence", pair);
    const readers = await alerts.recipientsOf(header, released.recipients, released.rewraps);
    const signers = await alerts.readersOf(header, released.rewraps);
    show(find("before"), false);
    find("opened").replaceChildren(...evidenceView(evidence, header, categories));
    show(find("opened"));
    if (released.newer) find("opened").prepend(element("p", { class: "message warn" }, NEWER));
    await showNotes(released.notes, pair, signers);
    offerForms(readers, pair);
    find("evidence-title").setAttribute("tabindex", "-1");
    find("evidence-title").focus();
  } catch (fault) {
    button.disabled = false;
    problem(inWords(fault));
  }
}

async function showNotes(notes, pair, signers) {
  const list = find("notes");
  list.replaceChildren();
  for (const note of notes) {
    try {
      list.append(noteView(await openSigned("note", note, incident, pair, signers), note));
    } catch (fault) {
      const words =
        fault instanceof SignatureError
          ? `Not to be trusted: a note said to be by ${note.author}. ${fault.message}`
          : `A note of ${note.author} can’t be opened with this key.`;
      list.append(element("p", { class: "message bad", "data-refused": note.id }, words));
    }
  }
  if (notes.length === 0) list.append(element("p", { class: "quiet", id: "no-notes" }, "None yet."));
  show(find("notes-card"));
}

function offerForms(readers, pair) {
  if (page.dataset.state !== "open") return;
  show(find("note-card"));
  show(find("close-card"));
  find("note").addEventListener("submit", (event) => {
    const text = find("note-text").value.trim();
    send(event, page.dataset.notes, { kind: "note", text }, readers, pair);
  });
  find("close").addEventListener("submit", (event) => {
    const finding = new FormData(event.target).get("finding");
    const content = { kind: "outcome", text: find("close-text").value.trim(), finding, outcome: find("outcome").value };
    send(event, page.dataset.close, content, readers, pair);
  });
}

async function send(event, address, content, readers, pair) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  problem();
  try {
    const id = crypto.randomUUID();
    const whole = { version: 1, ...content, author, at: new Date().toISOString() };
    await ask(address, await sealSigned("note", whole, readers, incident, id, pair));
    find("no-notes")?.remove();
    find("notes").append(noteView(whole, { author, at: whole.at }));
    form.reset();
    if (content.kind === "outcome") closed();
  } catch (fault) {
    problem(inWords(fault));
  } finally {
    button.disabled = false;
  }
}

function closed() {
  page.dataset.state = "closed";
  show(find("note-card"), false);
  show(find("close-card"), false);
  find("state").textContent = "Closed";
  find("state").className = "chip good";
  find("notes-card").scrollIntoView({ block: "nearest" });
}
