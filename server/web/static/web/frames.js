// Many headings in one answer, as server/web/sealed.py packs them: what is said in clear as JSON, what is sealed as bytes.

import { text, unbase64 } from "./bytes.js";
import { gettext } from "./words.js";

const SIGNATURE = 64;
const DIGEST = 32;
const DEVICE_KEY = 32;

/** What the collector says first, and each case: { clear, alert } where alert is as `alert.js` takes it, in bytes. */
export function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  let at = 0;
  const number = () => {
    at += 4;
    return view.getUint32(at - 4);
  };
  const take = (length) => {
    if (at + length > bytes.length) throw new Error(gettext("The collector’s answer was cut short. Load the page again."));
    at += length;
    return bytes.subarray(at - length, at);
  };
  const said = JSON.parse(text(take(number())));
  const cases = [];
  while (at < bytes.length) {
    const lengths = [number(), number(), number(), number()];
    const [words, header, heading, key] = lengths.map(take);
    const { wrap, ...clear } = JSON.parse(text(words));
    const signer = key.length === DEVICE_KEY ? { signer_key: key, lead_key: null } : { signer_key: null, lead_key: key };
    const alert = { incident: clear.id, header, heading, signature: take(SIGNATURE), evidence_digest: take(DIGEST) };
    cases.push({ clear, alert: { ...alert, ...signer, wraps: wrap ? { heading: unbase64(wrap) } : {} } });
  }
  return { said, cases };
}
