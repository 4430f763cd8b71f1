// The page of proposed exceptions: opened here, chosen, and made into lines for the next signed policy.

import { element, find, name, show, tell, time, ask } from "./page.js";
import { loadProposed, policyLines } from "./propose.js";
import { categoryName } from "./queuewords.js";
import { whenUnlocked } from "./unlock.js";
import { gettext, ngettext } from "./words.js";

const form = find("exceptions");
const { proposed, recipients, settle } = form.dataset;
let all = [];

await whenUnlocked(async (pair) => {
  await load(pair);
  form.addEventListener("change", draw);
  for (const [id, settled] of [["taken-up", "taken_up"], ["declined", "declined"]]) {
    find(id).addEventListener("click", (event) => settleChosen(event.target, settled, pair));
  }
  find("copy").addEventListener("click", copy);
  form.addEventListener("submit", (event) => event.preventDefault());
});

async function load(pair) {
  const { found, unreadable, categories } = await loadProposed({ proposed, recipients }, pair);
  all = found;
  find("proposed").tBodies[0].replaceChildren(...all.map((one, at) => row(one, at, categories)));
  show(form, all.length > 0);
  show(find("none"), all.length === 0);
  const lost = ngettext("1 proposal could not be opened.", "{count} proposals could not be opened.", unreadable);
  tell(find("unreadable"), unreadable > 0 ? `${lost} ${gettext("It was not written by a lead, or not sealed to your key.")}` : "");
  form.dataset.opened = "true";
  draw();
}

function row(one, at, categories) {
  const box = element("input", { type: "checkbox", name: "chosen", value: String(at), "aria-label": gettext("Choose {entry}", one) });
  const cell = (label, ...content) => element("td", { "data-label": label }, ...content);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, element("label", { class: "choose" }, box), " ", element("span", { class: "mono" }, name(one.entry))),
    cell(gettext("Category"), categoryName(categories, one.category)),
    cell(gettext("Group"), one.group),
    cell(gettext("Proposed by"), [...one.authors].join(", ")),
    cell(gettext("Since"), time(one.at)),
  );
}

function chosen() {
  return [...form.querySelectorAll("[name=chosen]:checked")].map((box) => all[Number(box.value)]);
}

function draw() {
  const some = chosen();
  const until = find("until").value;
  find("lines").value = some.length > 0 && until ? policyLines(some, until) : "";
  show(find("made"), some.length > 0);
  tell(find("copied"));
}

async function copy() {
  await navigator.clipboard.writeText(find("lines").value).catch(() => find("lines").select());
  tell(find("copied"), gettext("Copied. Give the lines to whoever writes the policy; the custodians sign it."));
}

async function settleChosen(button, settled, pair) {
  button.disabled = true;
  tell(find("desk-problem"));
  try {
    await ask(settle, { ids: chosen().flatMap((one) => one.ids), settled });
  } catch (fault) {
    tell(find("desk-problem"), fault.message);
  } finally {
    button.disabled = false;
  }
  // A colleague may have settled some of them meanwhile.
  await load(pair).catch((fault) => tell(find("desk-problem"), fault.message));
}
