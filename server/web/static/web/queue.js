// The queue: once the key is unlocked, the sealed cells of each row are opened here.

import { fill } from "./headings.js";
import { ask, find } from "./page.js";
import { whenUnlocked } from "./unlock.js";

await whenUnlocked(async (pair) => {
  const table = find("queue");
  if (!table) return;
  const { alerts, categories } = await ask(table.dataset.headings);
  const rows = new Map(Array.from(table.tBodies[0].rows, (row) => [row.dataset.incident, row]));
  for (const alert of alerts) {
    const row = rows.get(alert.incident);
    if (row) await fill(row, alert, categories, pair);
  }
  table.dataset.opened = "true";
});
