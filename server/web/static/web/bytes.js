// Bytes to text and back: what the other modules need and the platform lacks. All functions are pure.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export const utf8 = (text) => encoder.encode(text);
export const text = (bytes) => decoder.decode(bytes);

/** One Uint8Array out of several; plain arrays of byte values are welcome. */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(digits) {
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error("not lower-case hexadecimal");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
/** The bytes of base64; bytes stay what they are, so that a part may come either way. */
export const unbase64 = (encoded) =>
  encoded instanceof Uint8Array ? encoded : Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));

export const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** The 16 bytes of an id written as hyphenated hex. */
export function uuidBytes(id) {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new Error("not an id");
  return unhex(id.replaceAll("-", ""));
}

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
export const random = (count) => crypto.getRandomValues(new Uint8Array(count));
