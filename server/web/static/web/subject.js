// A request for somebody's data: the lead's browser looks for cases about the person, and makes the paper to hand over.

import * as alerts from "./alert.js";
import { opener } from "./opener.js";
import { ask, askBytes, cases as inWords, element, find, show, tell, time, times } from "./page.js";
import { loadPeople, nameOf, sameAccount } from "./people.js";
import { categoryName } from "./queuewords.js";
import { table } from "./table.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, language, ngettext } from "./words.js";

const PAGES_MAX = 1000; // half a million cases; a collector that never ends must not hold the page for ever
const place = find("search");

const withheld = () => {
  const chosen = find("what").value === "withhold";
  show(find("withheld"), chosen);
  for (const id of ["ground", "review"]) find(id).required = chosen;
};
find("what").addEventListener("change", withheld);
withheld();

await whenUnlocked((pair) => {
  show(place);
  show(find("paper-card"));
  find("look").addEventListener("click", () => lookThrough(pair));
});

async function lookThrough(pair) {
  const button = find("look");
  button.disabled = true;
  tell(find("look-problem"));
  try {
    await loadPeople();
    const opening = opener(pair);
    const found = [];
    let [looked, unreadable, categories] = [0, 0, {}];
    for (let page = 0, after = ""; page < PAGES_MAX; page += 1) {
      const { said, cases } = await opening.open(await askBytes(`${place.dataset.cases}${after && `?after=${after}`}`));
      categories = said.categories;
      looked += cases.length;
      unreadable += cases.filter((one) => one.problem).length;
      found.push(...cases.filter((one) => one.heading && isTheirs(one.heading.person)));
      find("looked").textContent = gettext("Looked through: {cases}.", { cases: inWords(looked) });
      after = said.following;
      if (!after) break;
    }
    draw(found, unreadable, categories, pair);
  } catch (fault) {
    tell(find("look-problem"), fault.message);
  } finally {
    button.disabled = false;
  }
}

/** Whether an account may be theirs: the same account, or another one of the same listed person. */
function isTheirs(account) {
  const own = nameOf(place.dataset.account);
  return sameAccount(account, place.dataset.account) || (own !== null && nameOf(account) === own);
}

function draw(found, unreadable, categories, pair) {
  const headings = [gettext("Case"), gettext("Account"), gettext("Category"), gettext("When"), gettext("Standing"), gettext("Open it")];
  const rows = found.map((one) => [
    element("a", { href: `/desk/incidents/${encodeURIComponent(one.clear.id)}/` }, one.clear.reference),
    one.heading.person,
    categoryName(categories, one.heading.category),
    time(one.read.started),
    one.clear.waiting ? gettext("open") : gettext("closed"),
    openButton(one, categories, pair),
  ]);
  const nothing = element("p", { class: "message good" }, gettext("Nothing that you can open is about this person."));
  const lost = ngettext("1 case could not be read.", "{count} cases could not be read.", unreadable);
  const parts = [found.length > 0 ? table(gettext("May be about this person. Look whether each is."), headings, rows) : nothing];
  if (unreadable > 0) parts.push(element("p", { class: "message warn" }, lost));
  find("found").replaceChildren(...parts);
  find("found").focus();
}

function openButton(one, categories, pair) {
  const label = gettext("Open {reference} and put it into the text", { reference: one.clear.reference });
  const button = element("button", { type: "button", class: "text", "aria-label": label }, gettext("Put into the text"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    tell(find("look-problem"));
    try {
      const released = await ask(place.dataset.release.replace(place.dataset.request, one.clear.id), {});
      const header = await alerts.verify(released.alert, one.clear.id);
      const evidence = await alerts.open(released.alert, header, "evidence", pair);
      const text = find("paper-text");
      text.value = [text.value, factsOf(one, header, evidence, categories)].filter(Boolean).join("\n\n");
      text.focus();
    } catch (fault) {
      button.disabled = false;
      tell(find("look-problem"), fault.message);
    }
  });
  return button;
}

/** A case as plain text. Who reported a concern is left out from the first: the lead decides about the rest. */
function factsOf({ clear, heading }, header, evidence, categories) {
  const when = time(header.started).textContent;
  const what = categoryName(categories, heading.category);
  if (!header.device) return [gettext("{when}: {category}, a concern was written down.", { when, category: what }), evidence.text].join("\n");
  const first = gettext("{when}: {category}, seen {times}, on the device {device}.", {
    when,
    category: what,
    times: times(evidence.count),
    device: clear.device,
  });
  const seen = evidence.seen.map((one) =>
    gettext("– {name}: {times}, first {first}, last {last}", {
      name: one.name,
      times: times(one.count),
      first: time(one.first).textContent,
      last: time(one.last).textContent,
    }),
  );
  return [first, ...seen].join("\n");
}

// Before any printing, from the browser's own menu too.
addEventListener("beforeprint", () => {
  const made = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: document.body.dataset.zone }).format(new Date());
  const paragraphs = find("paper-text").value.split(/\n/).map((line) => element("p", {}, line));
  find("paper").replaceChildren(element("p", {}, made), ...paragraphs);
});
find("print").addEventListener("click", () => print());
