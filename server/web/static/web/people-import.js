// IT's import of people: what a file would change is shown first, and the same file is sent again to do it.

import { element, find, show, tell } from "./page.js";
import { table } from "./table.js";
import { gettext, number } from "./words.js";

const form = find("people-form");
const problem = find("people-problem");
let lookedAt = null;

const HEADINGS = {
  problems: [gettext("Lines left out"), [gettext("Line"), gettext("Problem")]],
  gone: [gettext("No longer listed"), [gettext("Sign-in name"), gettext("Real name")]],
  changed: [gettext("Changed"), [gettext("Sign-in name"), gettext("Real name"), gettext("What")]],
  new: [gettext("New"), [gettext("Sign-in name"), gettext("Real name"), gettext("Group"), gettext("Partner")]],
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await working(find("people-look"), gettext("Reading…"), async () => {
    const told = await send(form.dataset.preview);
    lookedAt = told.looked_at;
    find("people-told").replaceChildren(...view(told));
    show(find("people-go"), told.counts.new + told.counts.changed + told.counts.gone > 0);
    show(find("people-preview"));
    find("people-preview").focus();
  });
});

find("people-file").addEventListener("change", forget);

find("people-go").addEventListener("click", () =>
  working(find("people-go"), gettext("Importing…"), async () => {
    const { counts } = await send(form.dataset.import, lookedAt);
    forget();
    form.reset();
    const words = gettext("Imported: {new} new, {changed} changed, {gone} no longer listed.", counts);
    tell(find("people-done"), words);
  }),
);

find("people-look").disabled = false;

/** What was looked at counts only for the file that was looked at. */
function forget() {
  lookedAt = null;
  show(find("people-preview"), false);
  tell(problem);
  tell(find("people-done"));
}

async function working(button, words, action) {
  const usual = button.textContent;
  tell(problem);
  button.disabled = true;
  button.textContent = words;
  try {
    await action();
  } catch (fault) {
    forget();
    tell(problem, fault.message);
  } finally {
    button.disabled = false;
    button.textContent = usual;
  }
}

async function send(address, counts) {
  const body = new FormData();
  body.append("file", find("people-file").files[0]);
  if (counts !== undefined) body.append("counts", counts);
  const headers = { Accept: "application/json", "X-CSRFToken": form.dataset.csrf };
  let answer;
  try {
    answer = await fetch(address, { method: "POST", headers, body, redirect: "error", cache: "no-store" });
  } catch {
    throw new Error(gettext("The collector can’t be reached, or the file was changed since you chose it. Choose it again."));
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? gettext("The file could not be taken. Nothing was changed; try again."));
  return said;
}

function view(told) {
  const { counts } = told;
  const parts = [
    element(
      "p",
      {},
      gettext("{new} new, {changed} changed, {gone} no longer listed, {unchanged} as before.", counts),
    ),
  ];
  if (told.most_gone) {
    parts.push(element("p", { class: "message warn" }, gettext("Most people would be gone. Is this the whole list?")));
  }
  if (told.ignored.length > 0) {
    parts.push(element("p", { class: "small quiet" }, gettext("Columns that are not used: {ignored}.", { ignored: told.ignored.join(", ") })));
  }
  for (const [kind, [caption, headings]] of Object.entries(HEADINGS)) {
    const all = kind === "problems" ? counts.left_out : counts[kind];
    const rows = told[kind];
    const said = { caption, shown: number(rows.length), all: number(all) };
    const some = all > rows.length;
    const words = some ? gettext("{caption}: the first {shown} of {all}", said) : gettext("{caption}: {all}", said);
    if (rows.length > 0) parts.push(table(words, headings, rows));
  }
  return parts;
}
