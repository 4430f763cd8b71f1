// Making the lead's key: six words shown once, a file that only they open, and a public key for the custodians to sign.

import * as leadkey from "./leadkey.js";
import { ask, element, find, show, tell } from "./page.js";
import { whenUnlocked } from "./unlock.js";

const making = find("making");
await whenUnlocked(async () => {});
const able = await leadkey.supported();
show(find("unsupported"), !able);
find("make").disabled = !able;
find("make").addEventListener("click", begin);
find("print").addEventListener("click", () => print());

async function begin() {
  find("make").disabled = true;
  const { words } = await ask(making.dataset.words);
  const phrase = leadkey.makePassphrase(words);
  const file = await leadkey.make(phrase);
  find("words").replaceChildren(...phrase.split(" ").map((word) => element("li", {}, word)));
  find("fingerprint").textContent = leadkey.fingerprint(file.key_id);
  show(find("begin"), false);
  show(find("sheet"));
  find("sheet").scrollIntoView({ block: "start" });
  find("confirm").addEventListener("submit", (event) => {
    event.preventDefault();
    save(file);
  });
}

async function save(file) {
  const button = find("save");
  button.disabled = true;
  tell(find("make-problem"));
  try {
    // Unlocking what is about to be sent proves that the sheet opens it.
    await leadkey.unlock(file, find("check").value);
    await ask(making.dataset.save, file);
    find("words").replaceChildren();
    find("check").value = "";
    show(find("sheet"), false);
    find("saved-fingerprint").textContent = leadkey.fingerprint(file.key_id);
    show(find("saved"));
  } catch (fault) {
    const slip = "These are not the six words above. Compare each word with your sheet.";
    tell(find("make-problem"), fault instanceof leadkey.KeyError ? slip : fault.message);
  } finally {
    button.disabled = false;
  }
}
