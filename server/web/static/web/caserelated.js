// Other cases of the person: found here, out of opened headings. The collector hands out what this key may open, by time.

import * as alerts from "./alert.js";
import { caseLink } from "./casetimeline.js";
import { ask, element, find, show, tell, time, times } from "./page.js";
import { personView } from "./people.js";
import { related } from "./related.js";
import { gettext, ngettext } from "./words.js";

const PAGES_AT_ONCE = 4;

/**
 * Find and show the cases beside this one. `self` is { incident, device, person, started, ended };
 * `act` has `link(other)` and `merge(other)`, each done once somebody presses.
 */
export async function findRelated(page, self, pair, categories, act) {
  const others = [];
  let next = page.dataset.near;
  let unreadable = 0;
  const more = find("related-more");

  async function further() {
    more.disabled = true;
    tell(find("related-problem"));
    try {
      for (let at = 0; at < PAGES_AT_ONCE && next; at += 1) {
        const given = await ask(next);
        const read = await Promise.all(given.cases.map((one) => open(one, pair)));
        unreadable += read.filter((one) => one === null).length;
        others.push(...read.filter((one) => one !== null));
        next = given.next;
      }
      draw(related(self, others), categories, act);
      find("related-words").textContent = inWords(others.length, unreadable);
    } catch (fault) {
      tell(find("related-problem"), fault.message);
    } finally {
      more.disabled = false;
      show(more, Boolean(next));
    }
  }

  more.onclick = further;
  show(find("related-card"));
  await further();
}

function inWords(compared, unreadable) {
  const none = gettext("There is no other case to compare with.");
  const some = ngettext("Compared with 1 other case.", "Compared with {count} other cases.", compared);
  const rest = ngettext("1 other case could not be read.", "{count} other cases could not be read.", unreadable);
  return [compared === 0 ? none : some, ...(unreadable === 0 ? [] : [rest])].join(" ");
}

async function open(one, pair) {
  try {
    const header = await alerts.verify(one.alert, one.alert.incident);
    const heading = await alerts.open(one.alert, header, "heading", pair);
    return {
      incident: one.alert.incident,
      reference: one.reference,
      state: one.state,
      part: one.part,
      device: header.device ?? null,
      person: heading.person,
      category: heading.category,
      count: heading.count,
      urgent: header.urgent,
      started: new Date(one.started),
      ended: new Date(one.ended),
    };
  } catch {
    return null;
  }
}

function draw({ near, earlier, device }, categories, act) {
  fill("related-near", near, categories, act);
  fill("related-earlier", earlier, categories, act);
  fill("related-device", device, categories, act, true);
}

function fill(id, found, categories, act, named = false) {
  const part = find(id);
  show(part, found.length > 0);
  part.querySelector("ul").replaceChildren(...found.map((one) => item(one, categories, act, named)));
}

function item(one, categories, act, named) {
  const state = element("span", { class: `chip ${one.state === "open" ? "warn" : "plain"}` }, one.state === "open" ? gettext("Open") : gettext("Closed"));
  const facts = [caseLink({ id: one.incident, reference: one.reference }), " ", state];
  if (one.urgent) facts.push(" ", element("span", { class: "chip urgent" }, gettext("Urgent")));
  const seen = element(
    "p",
    { class: "small" },
    `${categories[one.category] ?? one.category}, ${times(one.count)}, `,
    time(one.started.toISOString()),
  );
  const buttons = element("p", { class: "row screen-only" });
  const { reference } = one;
  buttons.append(press(gettext("Link {reference} to this case", { reference }), gettext("Link"), (button) => act.link(one, button)));
  if (!one.part) {
    const whole = gettext("Make {reference} a part of this case", { reference });
    buttons.append(press(whole, gettext("Make it a part"), (button) => act.merge(one, button)));
  }
  const who = named ? [element("p", {}, personView(one.person))] : [];
  return element("li", {}, element("p", { class: "wide" }, ...facts), ...who, seen, buttons);
}

function press(label, words, action) {
  const button = element("button", { type: "button", class: "text", "aria-label": label }, words);
  button.addEventListener("click", () => action(button));
  return button;
}
