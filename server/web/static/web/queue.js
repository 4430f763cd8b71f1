// The queue: once the key is unlocked, headings are opened in bulk, and the table shows, finds and sorts what is in them.

import { loadMutes, mutedBy } from "./mutes.js";
import { opener } from "./opener.js";
import { cases as inWords, element, find, show, tell } from "./page.js";
import { loadPeople } from "./people.js";
import { asked, fromAddress, offer, toAddress } from "./queuefilters.js";
import { found } from "./queuelist.js";
import { watch } from "./queuelive.js";
import { loadClosed, loadOpen, loadSome } from "./queueload.js";
import { together } from "./queuegroups.js";
import { rowOf } from "./queuetable.js";
import { chooseGroup, closable, groupRow, offerTogether } from "./queuetogether.js";
import { offerMuting } from "./queuemute.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, ngettext, number } from "./words.js";

const ROWS = 50; // of one page: few enough to draw without a pause on a slow laptop
const ASKED_MAX = 100;

const table = find("queue");
const view = table.dataset.state;
const known = new Map(); // id → { clear, read, heading | problem }
const news = new Map(); // id → what is said in clear of cases that are not in the list yet
const context = {
  categories: {},
  due: { urgent: Infinity, routine: Infinity },
  now: Date.now(),
  own: Number(table.dataset.own),
  address: table.dataset.incident,
  sampleSite: "sample" in table.dataset,
  chosen: new Set(),
  closable,
};
let sort = { sort: "rank", down: false };
let page = 0;
let groups = new Map(); // id of a case → the cases that it stands with
let drawBar = () => {};
let mutes = [];
let older = null;
let offered = -1;
let apart = 0; // the collector's clock minus this one, in milliseconds

await whenUnlocked(async (pair) => {
  const people = loadPeople().catch(() => {});
  const opening = opener(pair);
  sort = fromAddress();
  listen(opening);
  if (view === "open") drawBar = offerTogether({ table, known, chosen: context.chosen, pair, draw });
  const muting = view === "open" ? allowMuting(pair) : null;
  table.setAttribute("aria-busy", "true");
  const since = Date.now() * 1000;
  if (view === "open") await loadOpen(table.dataset.headings, opening, took);
  else await more(opening);
  await people;
  await muting;
  for (const one of known.values()) forget(one); // real names are there now
  table.removeAttribute("aria-busy");
  draw();
  table.dataset.opened = "true";
  if (view === "open") watch(table.dataset.changes, since + 1000 * apart, (answer) => changed(answer, opening), unreachable);
});

function now() {
  return Date.now() + apart;
}

/** Mutes hold in every lead's list; gives when they are known. */
function allowMuting(pair) {
  const muted = async () => {
    mutes = await loadMutes(table.dataset, pair);
  };
  offerMuting({ table, known, chosen: context.chosen, now, mutes: () => mutes, muted, draw }, pair);
  return muted().catch((fault) => tell(find("desk-problem"), fault.message));
}

function forget(one) {
  one.words = one.personKey = one.sinceAt = undefined;
}

/** Take a page of opened cases in; the first one is drawn at once. */
function took(said, cases) {
  apart = Date.parse(said.now) - Date.now();
  Object.assign(context, { categories: said.categories, due: said.due });
  const first = known.size === 0;
  for (const one of cases) known.set(one.clear.id, one);
  if (first) draw();
  else if (known.size % 1000 < cases.length) status();
  if (first) table.dataset.first = "true";
}

async function more(opening) {
  const { said, cases } = await loadClosed(table.dataset.headings, opening, older);
  older = said.following;
  took(said, cases);
}

// --- drawing -----------------------------------------------------------------------------------------------------

function draw() {
  context.now = now();
  const cases = [...known.values()];
  if (offered !== cases.length) offer(cases, context.categories);
  offered = cases.length;
  const wanted = asked(sort);
  const by = find("together-by")?.value ?? "";
  const muted = new Set(mutes.length > 0 ? cases.filter((one) => mutedBy(one, mutes, context.now)) : []);
  const arranged = together(found(cases.filter((one) => muted.has(one) === wanted.muted), wanted, context), by);
  const { list } = arranged;
  groups = arranged.groups;
  keepChosen(list);
  page = Math.max(0, Math.min(page, Math.ceil(list.length / ROWS) - 1));
  const shown = list.slice(page * ROWS, (page + 1) * ROWS);
  const focused = document.activeElement?.closest?.("tr[data-incident]")?.dataset.incident;
  table.tBodies[0].replaceChildren(...shown.flatMap((one, at) => rowsOf(one, shown[at - 1], by)));
  if (focused) table.querySelector(`tr[data-incident="${CSS.escape(focused)}"] a`)?.focus({ preventScroll: true });
  show(find("cases"), known.size > 0);
  show(find("nothing"), known.size === 0);
  show(find("filters"), known.size > 0);
  drawOrder();
  drawPager(list.length);
  status(list.length, wanted.muted ? 0 : muted.size);
  drawBar();
  if (view === "open") for (const [id, shown] of [["mute", !wanted.muted], ["unmute", wanted.muted]]) show(find(id), shown);
  toAddress(wanted);
}

/** A case's row, and above the first of a group the row that says what the group is. */
function rowsOf(one, before, by) {
  const group = groups.get(one.clear.id);
  const row = rowOf(one, context);
  if (group) row.classList.add("member");
  return group && (!before || groups.get(before.clear.id) !== group) ? [groupRow(group, by, context), row] : [row];
}

/** Nothing stays selected that is not in the list any more: nobody shall decide what they don't see. */
function keepChosen(list) {
  const there = new Set(list.filter(closable).map((one) => one.clear.id));
  for (const id of context.chosen) if (!there.has(id)) context.chosen.delete(id);
}

function status(count, muted = 0) {
  const all = known.size;
  const busy = table.hasAttribute("aria-busy");
  const some = view === "closed" && older;
  const of = some ? gettext("the latest {cases} to be closed", { cases: inWords(all) }) : inWords(all);
  let words = "";
  if (busy) words = gettext("Opening the queue: {cases} so far…", { cases: inWords(all) });
  else if (count === 0) words = gettext("None of {all} is like this. Clear the filters to see all.", { all: of });
  else if (count + muted < all) words = gettext("{count} of {all}", { count: number(count), all: of });
  else if (some) words = gettext("Searching and sorting is over {all}.", { all: of });
  if (muted > 0 && !busy) {
    const hidden = ngettext("1 muted case is not shown.", "{count} muted cases are not shown.", muted);
    words = [words, hidden].filter(Boolean).join(" ");
  }
  if (find("found").textContent !== words) tell(find("found"), words);
}

function drawOrder() {
  for (const head of table.tHead.querySelectorAll("[data-sort]")) {
    const by = head.dataset.sort;
    if (!head.querySelector("button")) {
      head.replaceChildren(element("button", { type: "button", class: "text sort" }, head.textContent));
    }
    if (by === sort.sort) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  show(table.caption, sort.sort === "rank");
}

function drawPager(count) {
  const pages = Math.max(1, Math.ceil(count / ROWS));
  const pager = find("pager");
  const button = (words, to, disabled) => {
    const made = element("button", { type: "button", class: "second", "data-page": String(to) }, words);
    made.disabled = disabled;
    return made;
  };
  const from = page * ROWS;
  const to = Math.min(from + ROWS, count);
  const range = gettext("{from}–{to} of {count}", { from: number(from + 1), to: number(to), count: number(count) });
  const last = page >= pages - 1;
  const kept = document.activeElement?.dataset?.page === undefined ? null : document.activeElement.textContent;
  pager.replaceChildren(
    button(gettext("Previous"), page - 1, page === 0),
    element("span", { class: "quiet" }, range),
    button(gettext("Next"), page + 1, last),
    ...(last && older ? [element("button", { type: "button", class: "second", id: "older" }, gettext("Load older cases"))] : []),
  );
  if (kept) Array.from(pager.querySelectorAll("button:enabled")).find((one) => one.textContent === kept)?.focus();
  show(pager, pages > 1 || Boolean(older));
}

// --- what a hand does --------------------------------------------------------------------------------------------

function listen(opening) {
  const again = () => {
    page = 0;
    draw();
  };
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("input", again);
  find("filters").addEventListener("reset", () => {
    sort = { sort: "rank", down: false };
    setTimeout(again);
  });
  table.tHead.addEventListener("click", (event) => {
    const by = event.target.closest("[data-sort] button")?.parentElement.dataset.sort;
    if (!by) return;
    // The third press goes back to the order of the queue itself.
    if (sort.sort !== by) sort = { sort: by, down: false };
    else sort = sort.down ? { sort: "rank", down: false } : { sort: by, down: true };
    again();
  });
  find("pager").addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "older") {
      button.disabled = true;
      await more(opening).catch((fault) => tell(find("desk-problem"), fault.message));
    } else page = Number(button.dataset.page);
    draw();
    if (button.id !== "older") table.scrollIntoView({ block: "start" });
  });
  table.tBodies[0].addEventListener("click", ({ target }) => {
    const first = target.closest("[data-choose-all]")?.dataset.chooseAll;
    if (!first) return;
    chooseGroup(groups.get(first), context.chosen);
    draw();
    table.querySelector(`[data-choose-all="${CSS.escape(first)}"]`)?.focus();
  });
  find("show-news").addEventListener("click", () => takeNews(opening));
}

// --- what changes meanwhile --------------------------------------------------------------------------------------

/** Nothing moves under a hand: what is new is announced and comes when asked for; what is there changes in its place. */
async function changed(answer, opening) {
  tell(find("desk-problem"));
  for (const [figure, count] of Object.entries(answer.counts)) {
    document.querySelector(`[data-figure="${figure}"]`).textContent = count;
  }
  const reopen = [];
  for (const clear of answer.changed) {
    const one = known.get(clear.id);
    if (one === undefined) {
      if (clear.waiting) news.set(clear.id, clear);
      else news.delete(clear.id);
    } else if (one.clear.changed !== clear.changed) {
      if (one.clear.record !== clear.record) reopen.push(clear.id);
      one.clear = clear.waiting ? clear : { ...one.clear, ...clear, waiting: false, since: one.clear.since, gone: true };
      forget(one);
      redraw(one);
    }
  }
  for (let at = 0; at < reopen.length; at += ASKED_MAX) {
    for (const one of await loadSome(table.dataset.headings, opening, reopen.slice(at, at + ASKED_MAX))) {
      known.set(one.clear.id, one);
      redraw(one);
    }
  }
  announce(answer.more);
}

function redraw(one) {
  const row = table.querySelector(`tr[data-incident="${CSS.escape(one.clear.id)}"]`);
  if (!row) return;
  context.now = now();
  const had = row.contains(document.activeElement);
  if (!closable(one)) context.chosen.delete(one.clear.id);
  drawBar();
  const fresh = rowOf(one, context);
  if (groups.has(one.clear.id)) fresh.classList.add("member");
  row.replaceWith(fresh);
  if (had) fresh.querySelector("a").focus({ preventScroll: true });
}

function announce(tooMany) {
  const urgent = [...news.values()].filter((clear) => clear.urgent).length;
  const bar = find("news");
  if (news.size === 0 && !tooMany) {
    show(bar, false);
    return;
  }
  const some = ngettext("1 new case", "{count} new cases", news.size);
  const told = urgent > 0 ? gettext("{cases}, {urgent} urgent.", { cases: some, urgent: number(urgent) }) : `${some}.`;
  const words = tooMany ? gettext("Much has changed since this page was loaded.") : told;
  bar.classList.toggle("bad", urgent > 0);
  const place = bar.querySelector("span");
  if (place.textContent !== words) place.textContent = words;
  bar.dataset.reload = tooMany ? "yes" : "";
  show(bar);
}

async function takeNews(opening) {
  if (find("news").dataset.reload === "yes") {
    location.reload();
    return;
  }
  const ids = [...news.keys()];
  try {
    for (let at = 0; at < ids.length; at += ASKED_MAX) {
      for (const one of await loadSome(table.dataset.headings, opening, ids.slice(at, at + ASKED_MAX))) {
        known.set(one.clear.id, one);
      }
    }
    for (const id of ids) news.delete(id);
    for (const [id, one] of known) if (one.clear.gone) known.delete(id);
    show(find("news"), false);
    page = 0;
    draw();
    table.querySelector("tbody a")?.focus();
  } catch (fault) {
    tell(find("desk-problem"), fault.message);
  }
}

function unreachable(fault) {
  tell(find("desk-problem"), `${fault.message} ${gettext("What you see may be out of date.")}`);
}
