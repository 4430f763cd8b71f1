// Muting what is selected in the queue, and ending a mute.

import { mute, mutedBy, unmute } from "./mutes.js";
import { find, tell } from "./page.js";
import { gettext } from "./words.js";

/**
 * Let a lead mute the entries of the selected cases. `desk` is { table, known, chosen, now, mutes, draw, muted }: `mutes()`
 * are those in force, `muted()` loads them again.
 */
export function offerMuting(desk, pair) {
  const { table, known, chosen } = desk;
  const picked = () => [...chosen].map((id) => known.get(id)).filter((one) => one?.heading);
  find("mute").addEventListener("click", (event) => act(event.target, muteChosen, gettext("Muted for 14 days, for every lead. “Muted only” shows these cases.")));
  find("unmute").addEventListener("click", (event) => act(event.target, endMutes, gettext("The mute has ended, for every lead.")));

  async function act(button, work, done) {
    button.disabled = true;
    tell(find("mute-problem"));
    tell(find("mute-done"));
    try {
      await work();
      await desk.muted();
      chosen.clear();
      tell(find("mute-done"), done);
    } catch (fault) {
      tell(find("mute-problem"), fault.message);
    } finally {
      button.disabled = false;
      desk.draw();
    }
  }

  async function muteChosen() {
    const kinds = new Map(picked().map((one) => [(one.heading.entries ?? []).join(" "), one]));
    if (kinds.has("")) {
      throw new Error(gettext("A case without tags can’t be muted: its device has not been updated yet, or it is about too much."));
    }
    for (const one of kinds.values()) await mute(one, table.dataset, table.dataset.author, pair, desk.now());
  }

  async function endMutes() {
    const over = new Set(picked().map((one) => mutedBy(one, desk.mutes(), desk.now())?.id).filter(Boolean));
    for (const id of over) await unmute(id, table.dataset);
  }
}
