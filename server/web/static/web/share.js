// The page that opens older cases to leads who came later: whom, after comparing their key, with progress.

import { OpenError } from "./envelope.js";
import { ask, cases, element, find, show, tell } from "./page.js";
import * as sharing from "./sharing.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, ngettext } from "./words.js";

const TAKEN_AT_ONCE = 25;

function card(newcomer, pair) {
  const title = newcomer.own ? gettext("Your own new key") : newcomer.label;
  const go = element("button", { type: "button", "data-share": newcomer.key_id }, gettext("Share them"));
  const stop = element("button", { type: "button", class: "second", hidden: "" }, gettext("Stop"));
  const bar = element("progress", { max: String(newcomer.cases), value: "0", "aria-label": gettext("Cases shared"), hidden: "" });
  const told = element("p", { role: "status", "data-told": "" });
  const tick = element("input", { type: "checkbox" });
  tick.checked = sharing.compared(newcomer.key_id);
  go.disabled = !tick.checked;
  tick.addEventListener("change", () => (go.disabled = !tick.checked));
  let stopping = false;
  stop.addEventListener("click", () => {
    stopping = true;
    stop.disabled = true;
  });
  go.addEventListener("click", async () => {
    sharing.haveCompared(newcomer.key_id);
    go.disabled = tick.disabled = true;
    stopping = false;
    show(bar);
    show(stop);
    tell(find("desk-problem"));
    try {
      const progress = (said) => {
        bar.value = said.done + said.keptBack + said.refused;
        told.textContent = gettext("{cases} shared so far.", { cases: cases(said.done) });
      };
      const said = await sharing.shareAll(newcomer, pair, progress, () => stopping);
      told.textContent = inWords(said, title, stopping);
      show(bar, false);
    } catch (fault) {
      const words = fault instanceof OpenError ? gettext("A case can’t be opened: {message}.", { message: fault.message }) : fault.message;
      tell(find("desk-problem"), `${words} ${gettext("What was shared stays shared; press again to go on.")}`);
      go.disabled = false;
    } finally {
      show(stop, false);
      stop.disabled = false;
      if (stopping) go.disabled = false;
    }
  });
  return element(
    "section",
    { class: "card", "data-newcomer": newcomer.key_id },
    element("h2", {}, title),
    element("p", {}, ngettext("1 case that you can open is not yet open to this key.", "{count} cases that you can open are not yet open to this key.", newcomer.cases)),
    element(
      "dl",
      { class: "facts" },
      element("dt", {}, gettext("Fingerprint")),
      element("dd", { class: "mono" }, newcomer.fingerprint),
      element("dt", {}, gettext("Groups")),
      element("dd", {}, newcomer.groups.length === 0 ? gettext("all") : newcomer.groups.join(", ")),
    ),
    element("label", { class: "choice" }, tick, " ", element("span", {}, comparing(newcomer))),
    element("p", {}, go, " ", stop),
    bar,
    told,
  );
}

/** Hand in what the custodians recovered, in batches; the same file again changes nothing. */
async function takeRecovered(form) {
  const [bar, told, button] = [find("recovered-bar"), find("recovered-told"), form.querySelector("button")];
  button.disabled = true;
  tell(find("recovered-problem"));
  try {
    const given = JSON.parse(await find("recovered-file").files[0].text());
    if (given.version !== 1 || !Array.isArray(given.parcels)) throw new SyntaxError();
    bar.max = given.parcels.length;
    show(bar);
    let opened = 0;
    for (let at = 0; at < given.parcels.length; at += TAKEN_AT_ONCE) {
      const parcels = given.parcels.slice(at, at + TAKEN_AT_ONCE);
      const address = find("recovery").dataset.take.replace("KEY", given.recipient);
      opened += (await ask(address, { parcels })).opened;
      bar.value = at + parcels.length;
    }
    told.textContent = gettext("Done. {cases} opened to your key.", { cases: cases(opened) });
  } catch (fault) {
    const odd = gettext("This is not the file that the custodians’ command wrote.");
    tell(find("recovered-problem"), fault instanceof SyntaxError ? odd : fault.message);
  } finally {
    show(bar, false);
    button.disabled = false;
  }
}

const comparing = (newcomer) =>
  newcomer.own
    ? gettext("I compared this fingerprint with the sheet of my new key, and it is the same.")
    : gettext("I compared this fingerprint with {who}, face to face or by telephone, and it is the same.", { who: newcomer.label });

function inWords(said, title, stopped) {
  const done = { cases: cases(said.done) };
  const parts = [stopped ? gettext("Stopped. {cases} shared; press again to go on.", done) : gettext("Done. {cases} shared.", done)];
  if (said.keptBack > 0) parts.push(gettext("{cases} kept back: about {who}.", { cases: cases(said.keptBack), who: title }));
  if (said.refused > 0) parts.push(gettext("{cases} left out: not as the device made them, so not to be trusted.", { cases: cases(said.refused) }));
  return parts.join(" ");
}

find("recovered")?.addEventListener("submit", (event) => {
  event.preventDefault();
  takeRecovered(event.target);
});
find("share-offer")?.remove(); // this is where it leads to
await whenUnlocked(async (pair) => {
  const found = await sharing.newcomers();
  const none = element(
    "section",
    { class: "card" },
    element("h2", {}, gettext("Nothing to share")),
    element("p", {}, gettext("Every case that you can open is open to all leads who may have it.")),
  );
  find("newcomers").replaceChildren(...(found.length > 0 ? found.map((one) => card(one, pair)) : [none]));
  find("newcomers").dataset.ready = "true";
});
