// The audit log's page: check every line in steps, and say how far it came and what was found.

import { ask, find, show } from "./page.js";
import { gettext, number } from "./words.js";

const standing = find("standing");
const button = find("check-all");

button.disabled = false;
button.addEventListener("click", async () => {
  button.disabled = true;
  show(find("check-result"), false);
  show(find("check-progress"));
  try {
    tellResult(await checkAll());
  } catch (fault) {
    told(fault.message, "bad");
  } finally {
    button.disabled = false;
    show(find("check-progress"), false);
  }
});

async function checkAll() {
  let step = { cursor: "" };
  do {
    step = await ask(standing.dataset.check, { cursor: step.cursor });
    find("check-bar").max = Math.max(step.newest, 1);
    find("check-bar").value = step.checked;
    find("check-count").textContent = gettext("{checked} of {newest}", { checked: number(step.checked), newest: number(step.newest) });
  } while (step.cursor);
  return step;
}

function tellResult(step) {
  if (step.broken === null) {
    told(gettext("Every line was checked just now: all {newest} hold.", { newest: number(step.newest) }), "good");
  } else {
    const advice = gettext("Export the log, keep a copy of the database, and tell the custodians today.");
    told(gettext("The chain is broken at line {broken}: {reason}. {advice}", { broken: step.broken, reason: step.reason, advice }), "bad");
  }
}

function told(words, look) {
  const result = find("check-result");
  result.className = `message ${look}`;
  result.textContent = words;
  show(result);
}
