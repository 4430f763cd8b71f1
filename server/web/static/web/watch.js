// On every page: an unlocked key is forgotten when it is old, when somebody else is signed in, and on signing out; no
// page comes back from the browser's memory; and the audit log is compared with what this browser saw of it before.

import { compare } from "./head.js";
import { forget, recall } from "./keystore.js";

// Should a browser keep a page despite "no-store", what was opened on it must not come back with the back button.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

await recall(document.body.dataset.owner);

for (const form of document.querySelectorAll('form[action$="/logout/"]')) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await forget();
    form.submit();
  });
}

// Not being able to compare is no alarm: the page that was asked for must work. Before a second factor is set up,
// nothing is answered yet.
if (!("waits" in document.body.dataset)) await compare().catch(() => {});
