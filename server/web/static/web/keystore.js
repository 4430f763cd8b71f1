// Where an unlocked key waits between pages: IndexedDB, not extractable, for half an hour after its last use.
// It is forgotten on locking, on signing out, and when another person's page or the sign-in page is shown.

export const IDLE_MINUTES = 30;
const pages = new BroadcastChannel("fairwatch-key");

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("fairwatch", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("key");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run(mode, action) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const request = action(db.transaction("key", mode).objectStore("key"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    db.close();
  }
}

/** Keep a pair for the person whose page this is. */
export function keep(pair, owner, keyId) {
  const until = Date.now() + IDLE_MINUTES * 60_000;
  return run("readwrite", (store) => store.put({ pair, owner, keyId, until }, "current"));
}

/** Forget the key, here and in every other page that shows what it opened. */
export async function forget() {
  await run("readwrite", (store) => store.delete("current"));
  pages.postMessage("forgotten");
}

/** Call `lock()` when another page forgets the key. */
export const whenForgotten = (lock) => pages.addEventListener("message", lock);

/** The pair that this person unlocked, or null. Using it starts the half hour anew. */
export async function recall(owner) {
  const kept = await run("readonly", (store) => store.get("current"));
  if (kept === undefined) return null;
  if (!owner || kept.owner !== owner || kept.until < Date.now()) {
    await forget();
    return null;
  }
  await keep(kept.pair, owner, kept.keyId);
  return { ...kept.pair, keyId: kept.keyId };
}
