// The page on which a lead counts a month's cases: opened here, shown as counts, and handed in signed once looked at.

import { count, countClosed, nothing, signed } from "./monthtally.js";
import { opener } from "./opener.js";
import { ask, askBytes, cases as inWords, find, show, tell } from "./page.js";
import { categoryName } from "./queuewords.js";
import { table } from "./table.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, ngettext, number } from "./words.js";

const FEW = 5;
const PAGES_MAX = 1000; // a hundred thousand cases; a collector that never ends must not hold the page for ever
const WORDS = { unreadable: gettext("Could not be read"), unknown: gettext("A category that is no longer in use") };

const WHAT_HAPPENED = {
  told: gettext("Handed in. The summary has been made anew with these totals, and goes to those who are named for it."),
  waits: gettext("Handed in. The summary will have these totals when it is made, on the first working day after the month."),
  kept: gettext("Handed in and kept. The summary stays as it was told before: it says the same, or the difference would tell of fewer than five cases."),
};

const place = find("month-count");
let tally = null;

await whenUnlocked((pair) => {
  if (!place) return;
  show(place);
  find("count").addEventListener("click", () => countAll(pair));
  find("hand-in").addEventListener("click", () => handIn(pair));
});

async function countAll(pair) {
  const [button, bar] = [find("count"), find("count-bar")];
  button.disabled = true;
  tally = null;
  show(find("counted"), false);
  tell(find("count-problem"));
  tell(find("handed-in"));
  try {
    const opening = opener(pair);
    const sums = nothing();
    let said = {};
    for (let page = 0, after = ""; page < PAGES_MAX; page += 1) {
      const opened = await opening.open(await askBytes(`${place.dataset.cases}${after && `?after=${after}`}`));
      said = opened.said;
      await count(sums, opened.cases, said, pair);
      bar.max = Math.max(said.all, 1);
      bar.value = sums.cases;
      show(bar);
      find("count-told").textContent = gettext("{done} of {all} counted.", { done: number(sums.cases), all: inWords(said.all) });
      after = said.following;
      if (!after) break;
    }
    countClosed(sums, said.closed);
    draw(sums, said);
    tally = sums;
  } catch (fault) {
    tell(find("count-problem"), fault.message);
  } finally {
    button.disabled = false;
    show(bar, false);
  }
}

function draw(sums, said) {
  const name = (category) => WORDS[category] ?? categoryName(said.categories, category);
  const ranked = (counts, of) => [...counts].sort(([a, one], [b, other]) => other - one || (of(a) < of(b) ? -1 : 1));
  const rows = (counts, of) => ranked(counts, of).map(([kind, some]) => [of(kind), number(some), told(some)]);
  const headings = (what) => [what, gettext("Cases"), gettext("In the summary")];
  const parts = [];
  for (const [counts, caption] of [
    [sums.urgent, gettext("Urgent cases")],
    [sums.routine, gettext("Routine cases")],
  ]) {
    if (counts.size > 0) parts.push(table(caption, headings(gettext("Category")), rows(counts, name)));
  }
  const came = (kind) => said.outcomes[kind] ?? kind;
  if (sums.outcomes.size > 0) parts.push(table(gettext("What came of them"), headings(gettext("Outcome")), rows(sums.outcomes, came)));
  find("count-tables").replaceChildren(...parts);
  find("count-told").textContent = sums.cases === 0 ? gettext("No case of the month is counted.") : gettext("Counted: {cases}.", { cases: inWords(sums.cases) });
  const closed = said.closed.urgent + said.closed.routine;
  const lost = ngettext(
    "1 case was sealed to a key that you no longer have, and counts as one that could not be read. Perhaps a colleague can count it.",
    "{count} cases were sealed to a key that you no longer have, and count as ones that could not be read. Perhaps a colleague can count them.",
    closed,
  );
  tell(find("count-closed"), closed > 0 ? lost : "");
  show(find("counted"));
  find("hand-in").disabled = false;
  find("counted").focus();
}

const told = (some) => (some < FEW ? gettext("not by itself: fewer than five") : gettext("by its number, or together with others"));

async function handIn(pair) {
  const button = find("hand-in");
  button.disabled = true;
  tell(find("count-problem"));
  try {
    const { state } = await ask(place.dataset.handIn, await signed(tally, place.dataset.month, pair));
    tell(find("handed-in"), WHAT_HAPPENED[state]);
    find("handed-in").focus();
  } catch (fault) {
    tell(find("count-problem"), fault.message);
    button.disabled = false;
  }
}
