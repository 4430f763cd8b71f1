// IT's import of people: what a file would change is shown first, and the same file is sent again to do it.

import { element, find, show, tell } from "./page.js";
import { table } from "./table.js";

const form = find("people-form");
const problem = find("people-problem");
let lookedAt = null;

const HEADINGS = {
  problems: ["Lines left out", ["Line", "Problem"]],
  gone: ["No longer listed", ["Sign-in name", "Real name"]],
  changed: ["Changed", ["Sign-in name", "Real name", "What"]],
  new: ["New", ["Sign-in name", "Real name", "Group", "Partner"]],
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await working(find("people-look"), "Reading…", async () => {
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
  working(find("people-go"), "Importing…", async () => {
    const { counts } = await send(form.dataset.import, lookedAt);
    forget();
    form.reset();
    const words = `Imported: ${counts.new} new, ${counts.changed} changed, ${counts.gone} no longer listed.`;
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
    throw new Error("The collector can’t be reached, or the file was changed since you chose it. Choose it again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? "The file could not be taken. Nothing was changed; try again.");
  return said;
}

function view(told) {
  const { counts } = told;
  const parts = [
    element(
      "p",
      {},
      `${counts.new} new, ${counts.changed} changed, ${counts.gone} no longer listed, ${counts.unchanged} as before.`,
    ),
  ];
  if (told.most_gone) {
    parts.push(element("p", { class: "message warn" }, "Most people would be gone. Is this the whole list?"));
  }
  if (told.ignored.length > 0) {
    parts.push(element("p", { class: "small quiet" }, `Columns that are not used: ${told.ignored.join(", ")}.`));
  }
  for (const [kind, [caption, headings]] of Object.entries(HEADINGS)) {
    const all = kind === "problems" ? counts.left_out : counts[kind];
    const rows = told[kind];
    const words = all > rows.length ? `${caption}: the first ${rows.length} of ${all}` : `${caption}: ${all}`;
    if (rows.length > 0) parts.push(table(words, headings, rows));
  }
  return parts;
}
