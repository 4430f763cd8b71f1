// Handing a case to somebody by name who can't open it yet: a partner's lead, say. Its keys are sealed again to theirs, here.

import { ask, element, find, show, tell } from "./page.js";
import { compared, haveCompared, shareCase } from "./sharing.js";

/** Offer whom of the signed list the case could be handed to; `done(label)` is called once it was. */
export async function offerHandOver(page, pair, done) {
  const { readers } = await ask(page.dataset.readers);
  const choose = find("share-to");
  const named = new Map(readers.map((one) => [one.key_id, one]));
  choose.replaceChildren(choose.options[0], ...readers.map((one) => element("option", { value: one.key_id }, one.label)));
  show(find("share-card"), readers.length > 0);
  const showFingerprint = () => {
    const chosen = named.get(choose.value);
    find("share-fingerprint").textContent = chosen?.fingerprint ?? "";
    show(find("share-compare"), Boolean(chosen) && !compared(chosen.key_id));
    find("share-compared").required = Boolean(chosen) && !compared(chosen.key_id);
  };
  choose.onchange = showFingerprint;
  find("share-one").onsubmit = async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    const chosen = named.get(choose.value);
    button.disabled = true;
    tell(find("share-problem"));
    try {
      await shareCase(page.dataset.incident, chosen, pair);
      if (!compared(chosen.key_id)) haveCompared(chosen.key_id);
      event.target.reset();
      await done(chosen.label);
      await offerHandOver(page, pair, done);
    } catch (fault) {
      tell(find("share-problem"), fault.message);
    } finally {
      button.disabled = false;
      showFingerprint();
    }
  };
}
