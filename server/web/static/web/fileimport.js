// A form that imports a file: what it would change is shown first, and the same file is sent again to do it.

import { element, find, show, tell } from "./page.js";
import { table } from "./table.js";
import { gettext, number } from "./words.js";

/**
 * Run the form whose parts are called `<name>-form`, `-file`, `-look`, `-problem`, `-preview`, `-told`, `-go`, `-done`.
 * `view(told)` gives the parts of the preview, `changes(counts)` says whether there is anything to do, `done(told)` says
 * in words what was done.
 */
export function fileImport(name, { view, changes, done }) {
  const part = (what) => find(`${name}-${what}`);
  const form = part("form");
  const problem = part("problem");
  let lookedAt = null;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await working(part("look"), gettext("Reading…"), async () => {
      const told = await send(form.dataset.preview);
      lookedAt = told.looked_at;
      part("told").replaceChildren(...view(told));
      show(part("go"), changes(told.counts));
      show(part("preview"));
      part("preview").focus();
    });
  });

  // What was looked at counts only for what was chosen then.
  form.addEventListener("change", forget);

  part("go").addEventListener("click", () =>
    working(part("go"), gettext("Importing…"), async () => {
      const told = await send(form.dataset.import, lookedAt);
      forget();
      form.reset();
      tell(part("done"), done(told));
    }),
  );

  part("look").disabled = false;

  function forget() {
    lookedAt = null;
    show(part("preview"), false);
    tell(problem);
    tell(part("done"));
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
    const body = new FormData(form);
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
}

/** A warning that most of what is kept would be gone, in these words; nothing where it would not. */
export const mostGone = (told, words) => (told.most_gone ? [element("p", { class: "message warn" }, words)] : []);

/** The columns that nothing is taken from. */
export function ignoredColumns({ ignored }) {
  if (ignored.length === 0) return [];
  const words = gettext("Columns that are not used: {ignored}.", { ignored: ignored.join(", ") });
  return [element("p", { class: "small quiet" }, words)];
}

/** A table of some of all rows of a kind; nothing where there are none. */
export function someRows(caption, headings, rows, count) {
  if (rows.length === 0) return [];
  const said = { caption, shown: number(rows.length), all: number(count) };
  const some = count > rows.length;
  const words = some ? gettext("{caption}: the first {shown} of {all}", said) : gettext("{caption}: {all}", said);
  return [table(words, headings, rows)];
}
