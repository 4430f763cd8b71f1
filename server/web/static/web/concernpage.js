// The page on which a lead records a concern: what is typed is sealed and signed here, and only then sent.

import { sealConcern } from "./concern.js";
import { keepDraft } from "./drafts.js";
import { ask, element, find, show, tell } from "./page.js";
import { forCase, readList } from "./recipients.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, spread } from "./words.js";

const form = find("concern");
// The same ids again after an answer that was lost: the collector then knows the concern, and keeps it once.
let ids = null;

await whenUnlocked(async (pair) => {
  show(find("concern-card"));
  const sent = await keepDraft(form, null, pair);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    record(pair, sent);
  });
  form.addEventListener("input", () => (ids = null));
  show(find("recorded"), false);
  suggestPeople();
});

/** Accounts that are known, by name; the whole list is here, so nobody is asked about whom one types. */
async function suggestPeople() {
  try {
    const { people } = await ask("/desk/data/people/");
    find("known").replaceChildren(...people.map((one) => element("option", { value: one.account, label: one.name })));
  } catch {
    // Without suggestions the account is typed.
  }
}

async function record(pair, sent) {
  const button = form.querySelector("button");
  button.disabled = true;
  tell(find("concern-problem"));
  try {
    const list = await readList(await ask(form.dataset.recipients));
    const said = await typed();
    const readers = forCase(list, said.group, said.person);
    ids ??= { ...(await sealed(said, readers, list, pair)) };
    const kept = await ask(form.dataset.record, ids.concern);
    sent();
    form.reset();
    recorded(kept, readers);
  } catch (fault) {
    const draft = fault.status === 401 ? ` ${gettext("What you typed is kept, sealed, in this browser.")}` : "";
    tell(find("concern-problem"), fault.message + draft);
  } finally {
    button.disabled = false;
  }
}

async function sealed(said, readers, list, pair) {
  return { concern: await sealConcern(said, readers, list.version, pair, crypto.randomUUID(), crypto.randomUUID()) };
}

async function typed() {
  const fields = new FormData(form);
  const text = (name) => fields.get(name).trim();
  const number = text("about");
  const about = number ? await ask(`${form.dataset.find}?reference=${encodeURIComponent(number)}`) : null;
  return {
    person: text("person"),
    source: text("source"),
    category: text("category"),
    group: text("group"),
    urgent: text("urgency") === "urgent",
    started: new Date(text("when")),
    text: text("text"),
    author: form.dataset.author,
    about: about?.id,
    aboutReference: about?.reference,
  };
}

function recorded({ id, reference }, readers) {
  ids = null;
  show(find("concern-card"), false);
  const link = element("a", { href: `/desk/incidents/${encodeURIComponent(id)}/` }, reference);
  find("recorded-words").replaceChildren(...spread(gettext("The concern is case {case}."), { case: link }));
  const names = readers.filter((one) => one.role !== "recovery").map((one) => one.label);
  find("recorded-readers").textContent = gettext("It can be opened by: {names}.", { names: names.join(", ") });
  show(find("recorded"));
  find("recorded-title").focus();
}
