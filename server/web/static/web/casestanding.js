// Who has the case, and who is looking at it now: asked every few seconds while the page is in front.

import { ask, element, find, show, tell, time } from "./page.js";
import { gettext, spread } from "./words.js";

const EVERY_MS = 8_000;
const me = Number(document.body.dataset.owner);

/** Keep the standing up to date; `changed(standing)` is called when something happened to the case since. */
export function watchStanding(page, changed) {
  const { look, assign, acknowledge } = page.dataset;
  let last = null;

  const act = async (address, body) => {
    tell(find("standing-problem"));
    for (const button of find("standing-act").querySelectorAll("button")) button.disabled = true;
    try {
      await ask(address, body);
    } catch (fault) {
      tell(find("standing-problem"), fault.message);
    }
    await refresh(true);
  };

  async function refresh(redraw = false) {
    let standing;
    try {
      standing = await ask(look, {});
      tell(find("live-problem"));
    } catch (fault) {
      // What is on the page may be old now, and whoever reads it must know.
      tell(find("live-problem"), gettext("{message} Who has this case may have changed.", { message: fault.message }));
      return;
    }
    const before = last;
    last = standing;
    if (redraw || JSON.stringify(before) !== JSON.stringify(standing)) draw(standing, act, { assign, acknowledge });
    if (before !== null && before.changes !== standing.changes) await changed(standing);
  }

  refresh();
  setInterval(() => document.visibilityState === "visible" && refresh(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  return refresh;
}

function draw({ assigned, acknowledged, looking, is_open: isOpen }, act, addresses) {
  find("standing-words").replaceChildren(...words(assigned, acknowledged));
  find("looking").textContent =
    looking.length === 0 ? "" : gettext("Looking at it right now as well: {looking}.", { looking: looking.join(", ") });
  show(find("looking"), looking.length > 0);
  const give = (to) => act(addresses.assign, { to, held_by: assigned?.id ?? null });
  const buttons = [];
  if (isOpen && assigned === null) buttons.push(button("take", gettext("Take this case"), () => give(me)));
  if (isOpen && assigned?.id === me) buttons.push(button("let-go", gettext("Let go of it"), () => give(null), "second"));
  if (isOpen && assigned !== null && assigned.id !== me) {
    buttons.push(button("take", gettext("Take over from {assigned}", { assigned: assigned.name }), () => give(me), "second"));
  }
  if (isOpen && acknowledged === null) {
    const seen = () => act(addresses.acknowledge, {});
    buttons.push(button("acknowledge", gettext("Acknowledge only"), seen, "second"));
  }
  const focused = document.activeElement?.id;
  find("standing-act").replaceChildren(...buttons);
  show(find("hand"), isOpen && find("hand-to").options.length > 1);
  find("hand").onsubmit = (event) => {
    event.preventDefault();
    if (find("hand-to").value) give(Number(find("hand-to").value));
  };
  // A reader of the screen must not be thrown to the top because a colleague took the case meanwhile.
  if (focused && ["take", "let-go", "acknowledge"].includes(focused)) {
    (find(focused) ?? find("standing-title")).focus();
  }
}

function words(assigned, acknowledged) {
  if (assigned?.id === me) return spread(gettext("You have this case, since {when}."), { when: time(assigned.at) });
  if (assigned) return spread(gettext("{who} has this case, since {when}."), { who: element("strong", {}, assigned.name), when: time(assigned.at) });
  if (acknowledged?.id === me) return spread(gettext("Nobody follows this case yet. You acknowledged it {when}."), { when: time(acknowledged.at) });
  if (acknowledged) return spread(gettext("Nobody follows this case yet. {who} acknowledged it {when}."), { who: acknowledged.name, when: time(acknowledged.at) });
  return [gettext("Nobody has this case yet.")];
}

function button(id, label, press, kind = "") {
  const made = element("button", { type: "button", id, class: kind }, label);
  made.addEventListener("click", press);
  return made;
}
