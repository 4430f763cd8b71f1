// Deciding many cases of the queue at once: which are selected, and one sealed and signed decision for each of them.

import { recipientsOf } from "./alert.js";
import { askDates, decision } from "./casedecide.js";
import { ask, cases as counted, element, find, show, tell } from "./page.js";
import { sealSigned } from "./sealed.js";
import { gettext, ngettext } from "./words.js";

const ASKED_MAX = 100; // cases whose readers are asked for at once

/** Whether a case may be closed with others: an urgent one is opened and decided by itself, as is one not to be trusted. */
export const closable = (one) => one.clear.waiting && !one.clear.urgent && Boolean(one.heading);

/**
 * Let a lead select cases and decide them together. `desk` is { table, known, chosen, pair, draw }: `known` maps ids to
 * opened cases, `chosen` is the set of selected ids. Returns what draws the bar anew.
 */
export function offerTogether(desk) {
  const { table, chosen } = desk;
  table.tBodies[0].addEventListener("change", ({ target }) => {
    if (!target.dataset.choose) return;
    if (target.checked) chosen.add(target.dataset.choose);
    else chosen.delete(target.dataset.choose);
    drawBar(chosen);
  });
  find("choose-none").addEventListener("click", () => {
    chosen.clear();
    desk.draw();
    find("found").focus();
  });
  // Opened, it no longer floats over the rows: it stands behind them.
  find("together-decision").addEventListener("toggle", () => find("together").scrollIntoView({ block: "nearest" }));
  find("close").addEventListener("change", askDates);
  find("close").addEventListener("reset", () => setTimeout(askDates));
  askDates();
  find("close").addEventListener("submit", (event) => {
    event.preventDefault();
    closeAll(desk).catch((fault) => tell(find("close-problem"), fault.message));
  });
  return () => drawBar(chosen);
}

function drawBar(chosen) {
  const words = ngettext("1 case is selected.", "{count} cases are selected.", chosen.size);
  if (find("chosen-count").textContent !== words) find("chosen-count").textContent = words;
  show(find("together"), chosen.size > 0 || !find("close-report").hidden);
  show(find("together-form"), chosen.size > 0);
}

/** The row that stands above the cases of a group: how many, whose, and the button that selects them. */
export function groupRow(group, by, context) {
  const { category } = group[0].heading;
  const people = new Set(group.map((one) => one.heading.person)).size;
  const same = by === "entry" ? gettext("with the same entry") : gettext("with the same list");
  const words = gettext("{cases} {same}: {category}, {people}", {
    cases: counted(group.length),
    same,
    category: context.categories[category] ?? category,
    people: ngettext("1 account", "{count} accounts", people),
  });
  const free = group.filter(closable);
  const all = free.length > 0 && free.every((one) => context.chosen.has(one.clear.id));
  const label = all ? gettext("Select none of them") : ngettext("Select it", "Select all {count}", free.length);
  const choose = element("button", { type: "button", class: "second", "data-choose-all": group[0].clear.id }, label);
  choose.setAttribute("aria-describedby", `group-${group[0].clear.id}`);
  const title = element("span", { id: `group-${group[0].clear.id}` }, words);
  const cell = element("th", { scope: "rowgroup", colspan: "8" }, title, ...(free.length > 0 ? [" ", choose] : []));
  return element("tr", { class: "together" }, cell);
}

/** Select all of a group that may be closed together, or none where all are selected. */
export function chooseGroup(group, chosen) {
  const ids = group.filter(closable).map((one) => one.clear.id);
  const all = ids.every((id) => chosen.has(id));
  for (const id of ids) {
    if (all) chosen.delete(id);
    else chosen.add(id);
  }
}

async function closeAll(desk) {
  const { known, chosen } = desk;
  const form = find("close");
  const button = form.querySelector("button");
  const { back_on: backOn, ...said } = decision();
  const ids = [...chosen];
  const whole = { version: 1, kind: "outcome", ...said, ...(backOn ? { back_on: backOn } : {}), author: desk.table.dataset.author };
  const refused = [];
  let closed = 0;
  button.disabled = true;
  tell(find("close-problem"));
  progress(0, ids.length);
  try {
    for (let at = 0; at < ids.length; at += ASKED_MAX) {
      const some = ids.slice(at, at + ASKED_MAX);
      const readers = await readersOf(desk.table.dataset.readers, some);
      for (const id of some) {
        const one = known.get(id);
        try {
          await closeOne(one, readers.get(id), { ...whole, at: new Date().toISOString() }, desk);
          closed += 1;
          one.clear = { ...one.clear, waiting: false, gone: true };
          chosen.delete(id);
        } catch (fault) {
          if (fault.status === 401 || fault.status === 0) throw fault; // signed out, or nobody there: the rest would fail as well
          refused.push([one.clear.reference, fault.message]);
        }
        progress(closed + refused.length, ids.length);
      }
    }
    form.reset();
  } catch (fault) {
    tell(find("close-problem"), fault.message);
  } finally {
    button.disabled = false;
    show(find("close-progress"), false);
    report(closed, refused);
    desk.draw();
    find("close-report").focus();
  }
}

async function readersOf(address, ids) {
  const { cases } = await ask(`${address}?${ids.map((id) => `incident=${id}`).join("&")}`);
  return new Map(cases.map((one) => [one.id, one]));
}

async function closeOne(one, readers, whole, { pair, table }) {
  const { id, revision } = one.clear;
  if (!readers) throw new Error(gettext("It is urgent or closed by now. Open it to see."));
  const keys = await recipientsOf(one.read, readers.recipients, readers.rewraps);
  const note = await sealSigned("note", whole, keys, id, crypto.randomUUID(), pair);
  const address = table.dataset.close.replace("00000000-0000-0000-0000-000000000000", id);
  await ask(address, { ...note, seen: revision, ...(whole.back_on ? { back_on: whole.back_on } : {}) });
}

function progress(done, all) {
  show(find("close-progress"));
  find("close-progress").max = all;
  find("close-progress").value = done;
}

function report(closed, refused) {
  const place = find("close-report");
  const lines = refused.map(([reference, why]) => element("li", {}, gettext("{reference}: {why}", { reference, why })));
  place.replaceChildren(
    element("p", {}, ngettext("1 case is closed.", "{count} cases are closed.", closed)),
    ...(lines.length > 0 ? [element("p", {}, gettext("These stay open:")), element("ul", {}, ...lines)] : []),
  );
  place.className = `message ${refused.length > 0 ? "warn" : "good"}`;
  show(place);
}
