// The form to change the card that says what to do now.

import { ask, element, find, tell } from "./page.js";
import { gettext } from "./words.js";

find("card")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  tell(find("card-problem"));
  tell(find("card-done"));
  try {
    const { steps } = await ask(event.target.dataset.change, { text: find("card-text").value });
    find("steps").replaceChildren(...steps.map((step) => element("li", {}, step)));
    tell(find("card-done"), gettext("The card is in force, with every urgent case."));
  } catch (fault) {
    tell(find("card-problem"), fault.message);
  } finally {
    button.disabled = false;
  }
});
