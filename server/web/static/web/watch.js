// On every page: an unlocked key is forgotten when it is old, when somebody else is signed in, and on signing out.

import { forget, recall } from "./keystore.js";

await recall(document.body.dataset.owner);

for (const form of document.querySelectorAll('form[action$="/logout/"]')) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await forget();
    form.submit();
  });
}
