// Making the lead's key: six words shown once, a file that only they open, and a public key for the custodians to sign.

import * as leadkey from "./leadkey.js";
import { ask, element, find, show, tell } from "./page.js";
import * as passkey from "./passkey.js";
import { whenUnlocked } from "./unlock.js";
import { gettext } from "./words.js";

const making = find("making");
offerPasskeys();
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
    const slip = gettext("These are not the six words above. Compare each word with your sheet.");
    tell(find("make-problem"), fault instanceof leadkey.KeyError ? slip : fault.message);
  } finally {
    button.disabled = false;
  }
}

function offerPasskeys() {
  const card = find("passkeys");
  if (!card) return;
  show(find(passkey.supported() ? "add-passkey" : "no-passkeys"));
  find("add-passkey").addEventListener("submit", (event) => {
    event.preventDefault();
    addPasskey(card);
  });
  for (const button of card.querySelectorAll("[data-passkey]")) {
    button.addEventListener("click", () => removePasskey(card, button));
  }
}

async function addPasskey(card) {
  const button = find("passkey-add");
  const words = find("passkey-words");
  button.disabled = true;
  tell(find("passkey-problem"));
  try {
    const [file] = JSON.parse(find("lock").dataset.key);
    const kept = await passkey.add(file, words.value, making.dataset.name);
    await ask(card.dataset.add, { ...kept, label: find("passkey-label").value.trim() });
    words.value = "";
    location.reload();
  } catch (fault) {
    tell(find("passkey-problem"), fault.message);
  } finally {
    button.disabled = false;
  }
}

async function removePasskey(card, button) {
  if (button.dataset.sure === undefined) {
    button.dataset.sure = "";
    button.textContent = gettext("Really remove {label}?", { label: button.dataset.label });
    return;
  }
  button.disabled = true;
  try {
    await ask(card.dataset.remove, { id: Number(button.dataset.passkey) });
    location.reload();
  } catch (fault) {
    button.disabled = false;
    tell(find("passkey-problem"), fault.message);
  }
}
