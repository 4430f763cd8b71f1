// Passkeys: make one, or show one, and hand the answer to the form that asked. The options come with the form.

import { tell } from "./page.js";
import { gettext } from "./words.js";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

function text(buffer) {
  const raw = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const known = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

/** Make a passkey that stays on the device or key and always asks for finger, face or PIN. */
async function create({ publicKey }) {
  const wanted = { ...publicKey.authenticatorSelection, residentKey: "required", requireResidentKey: true };
  const made = await navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: known(publicKey.excludeCredentials),
      authenticatorSelection: { ...wanted, userVerification: "required" },
    },
  });
  return answer(made, {
    attestationObject: text(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [],
  });
}

/** Show a passkey. */
async function get({ publicKey }) {
  const options = { ...publicKey, challenge: bytes(publicKey.challenge), userVerification: "required" };
  const shown = await navigator.credentials.get({
    publicKey: { ...options, allowCredentials: known(publicKey.allowCredentials) },
  });
  return answer(shown, {
    authenticatorData: text(shown.response.authenticatorData),
    signature: text(shown.response.signature),
    userHandle: shown.response.userHandle ? text(shown.response.userHandle) : null,
  });
}

function answer(credential, response) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    response: { clientDataJSON: text(credential.response.clientDataJSON), ...response },
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

function inWords(fault) {
  if (fault.name === "NotAllowedError") return gettext("No passkey was used. Try again, or use another way.");
  if (fault.name === "InvalidStateError") return gettext("This device or key already holds a passkey of yours.");
  if (fault.name === "SecurityError") return gettext("Passkeys work only at the collector’s own address. Open this page there.");
  return gettext("The passkey could not be used in this browser. Try again, or use another way.");
}

async function options(form) {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const asked = await fetch(form.action, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
  if (!asked.ok) throw new Error("refused");
  return asked.json();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const problem = form.querySelector("[data-problem]");
  if (!window.PublicKeyCredential) {
    tell(problem, gettext("This browser has no passkeys. Use another way."));
    continue;
  }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    button.disabled = true;
    tell(problem, "");
    try {
      const given = await options(form);
      const credential = form.dataset.passkey === "create" ? await create(given.creation_options) : await get(given.request_options);
      form.elements.credential.value = JSON.stringify(credential);
      form.requestSubmit();
    } catch (fault) {
      tell(problem, inWords(fault));
      button.disabled = false;
    }
  });
}
