// The queue: once the key is unlocked, the sealed cells of each row are opened here.

import { fill } from "./headings.js";
import { unpack } from "./frames.js";
import { askBytes, find } from "./page.js";
import { whenUnlocked } from "./unlock.js";

await whenUnlocked(async (pair) => {
  const table = find("queue");
  if (!table) return;
  const { said, cases } = unpack(await askBytes(table.dataset.headings));
  const rows = new Map(Array.from(table.tBodies[0].rows, (row) => [row.dataset.incident, row]));
  for (const { clear, alert } of cases) {
    const row = rows.get(clear.id);
    if (row) await fill(row, alert, said.categories, pair);
  }
  table.dataset.opened = "true";
});
