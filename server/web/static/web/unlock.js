// The unlock form of the desk's pages: a passkey of this device or six words in, a key that can't be taken out again.

import { keyId } from "./envelope.js";
import { IDLE_MINUTES, forget, keep, recall, whenForgotten } from "./keystore.js";
import { KeyError, supported, unlock } from "./leadkey.js";
import { ask, find, show, tell } from "./page.js";
import * as passkey from "./passkey.js";
import { newcomers } from "./sharing.js";
import { gettext, ngettext, number } from "./words.js";

const OFFERED = "fairwatch-sharing-looked";
const OFFER_EVERY_MS = 10 * 60_000;
const owner = document.body.dataset.owner;
const files = () => JSON.parse(find("lock").dataset.key || "[]");
const passkeys = () => JSON.parse(find("lock").dataset.passkeys || "[]");

/** Call `opened(pair)` as soon as this person's key is unlocked: at once when it already is. */
export async function whenUnlocked(opened) {
  const form = find("unlock");
  if (!form) return;
  const use = async (pair) => {
    show(find("locked"), false);
    show(find("unlocked"));
    tell(find("desk-problem"));
    lockLater();
    try {
      await opened(pair);
    } catch (fault) {
      tell(find("desk-problem"), fault.message);
    }
    offerSharing();
  };
  find("lock-now").addEventListener("click", async () => {
    await forget();
    location.reload();
  });
  find("show-words").addEventListener("change", (event) => {
    find("passphrase").type = event.target.checked ? "text" : "password";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(use);
  });
  if (passkeys().length > 0 && passkey.supported()) {
    show(find("by-passkey"));
    find("passkey-go").disabled = false;
    find("passkey-go").addEventListener("click", () => attemptPasskey(use));
  }
  // Disabled until now: Enter before this module was there would have loaded the page anew and lost the words.
  find("unlock-go").disabled = false;
  const kept = await recall(owner);
  const known = kept && files().some((file) => file.key_id === kept.keyId);
  if (known) await use(kept);
}

/** Say that a colleague who came later can't open older cases yet. Asked for once in a while: it costs the collector a count. */
async function offerSharing() {
  const offer = find("share-offer");
  if (!offer || Date.now() - Number(sessionStorage.getItem(OFFERED) ?? 0) < OFFER_EVERY_MS) return;
  try {
    const [first, ...more] = await newcomers();
    if (!first) return sessionStorage.setItem(OFFERED, String(Date.now()));
    const whom = first.own ? gettext("your own new key") : first.label;
    const reader = more.length === 0 ? whom : gettext("{who}, and to {count} more", { who: whom, count: number(more.length) });
    const words = ngettext("1 case is not yet open to {who}.", "{count} cases are not yet open to {who}.", first.cases, { who: reader });
    offer.querySelector("span").textContent = `${words} `;
    show(offer);
  } catch {
    // An offer that can't be made must not stand in the way of a case.
  }
}

/** What was opened leaves the screen after half an hour without a hand on it, and when another page locks. */
function lockLater() {
  let last = Date.now();
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (last = Date.now()));
  setInterval(async () => {
    if (Date.now() - last < IDLE_MINUTES * 60_000) return;
    await forget();
    location.reload();
  }, 20_000);
  whenForgotten(() => location.reload());
}

async function attempt(use) {
  const field = find("passphrase");
  const button = find("unlock-go");
  tell(find("unlock-problem"));
  button.disabled = true;
  button.textContent = gettext("Unlocking…");
  try {
    if (!(await supported())) {
      throw new KeyError(gettext("This browser can’t use the key (X25519). Use a current Chrome, Edge, Firefox or Safari."));
    }
    const pair = await openAny(field.value);
    field.value = "";
    await keep(pair, owner, await keyId(pair.publicKey));
    await use(pair);
  } catch (fault) {
    tell(find("unlock-problem"), fault instanceof KeyError ? fault.message : gettext("The key could not be unlocked."));
    field.focus();
  } finally {
    button.disabled = false;
    button.textContent = gettext("Unlock");
  }
}

async function attemptPasskey(use) {
  const button = find("passkey-go");
  tell(find("unlock-problem"));
  button.disabled = true;
  try {
    const { pair, passkey: used } = await passkey.unlockWith(passkeys());
    await keep(pair, owner, await keyId(pair.publicKey));
    ask("/desk/data/passkeys/used", { id: used.id }).catch(() => {}); // only for the list on the key page
    await use(pair);
  } catch (fault) {
    tell(find("unlock-problem"), fault instanceof KeyError ? fault.message : gettext("The key could not be unlocked."));
  } finally {
    button.disabled = false;
  }
}

async function openAny(words) {
  let problem = new KeyError(gettext("There is no key to unlock."));
  for (const file of files()) {
    try {
      return await unlock(file, words);
    } catch (fault) {
      if (!(fault instanceof KeyError)) throw fault;
      problem = fault;
    }
  }
  throw problem;
}
