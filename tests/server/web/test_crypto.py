"""The browser's crypto is the protocol's: the published vectors, our own vectors, and Python both ways."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from uuid import UUID, uuid4

import cryptography_vectors
import pytest

from protocol import documents, leadkeys, messages, rewraps, sealing

PHRASE = "anchor basil cactus dolphin ember falcon"
# Runs an action and gives back base64 of its bytes, or the class and words of its refusal.
RUN = """
  window.halfOf = async (name, prefix, uses, raw) => {
    const der = bytes.concat(bytes.unhex(prefix), Uint8Array.from(raw));
    const extractable = await crypto.subtle.importKey("pkcs8", der, { name }, true, uses);
    const { x } = await crypto.subtle.exportKey("jwk", extractable);
    const padded = x.replaceAll("-", "+").replaceAll("_", "/");
    const privateKey = await crypto.subtle.importKey("pkcs8", der, { name }, false, uses);
    return { privateKey, publicKey: bytes.unbase64(padded) };
  };
  window.openingOf = (raw) => halfOf("X25519", "302e020100300506032b656e04220420", ["deriveBits"], raw);
  window.signingOf = (raw) => halfOf("Ed25519", "302e020100300506032b657004220420", ["sign"], raw);
  window.pairOf = async (raw) => {
    const [opening, signing] = [await openingOf(raw.slice(0, 32)), await signingOf(raw.slice(32))];
    const publicKey = bytes.concat(opening.publicKey, signing.publicKey);
    return { privateKey: opening.privateKey, signingKey: signing.privateKey, publicKey };
  };
  window.attempt = async (action) => {
    try { return { done: await action() }; }
    catch (fault) { return { fault: fault.constructor.name, words: fault.message }; }
  };
"""


@pytest.fixture(scope="module")
def js(modules):
    modules("() => {" + RUN + "}")
    return modules


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def rfc_vectors():
    everything = json.loads((Path(cryptography_vectors.__file__).parent / "HPKE" / "test-vectors.json").read_text())
    return [
        vector
        for vector in everything
        if (vector["mode"], vector["kem_id"], vector["kdf_id"], vector["aead_id"]) == (0, 0x20, 1, 2)
    ]


def test_the_published_hpke_vectors_pass_in_the_browser_sending_and_receiving(js):
    (vector,) = rfc_vectors()
    turns = [row for row in enumerate(vector["encryptions"]) if row[0] in {0, 1, 2, 4, 255}]
    result = js(
        """async ([vector, turns]) => {
          const pair = await openingOf(bytes.unhex(vector.skRm));
          const ephemeral = await openingOf(bytes.unhex(vector.skEm));
          const info = bytes.unhex(vector.info);
          const { enc, context } = await hpke.begin(bytes.unhex(vector.pkRm), info, ephemeral);
          const receiving = await hpke.accept(bytes.unhex(vector.enc), pair, info);
          const rows = [];
          for (const [at, row] of turns) {
            const aad = bytes.unhex(row.aad);
            const [plain, secret] = [bytes.unhex(row.pt), bytes.unhex(row.ct)];
            const sealed = await crypto.subtle.encrypt(hpke.turn(context, at, aad), context.aes, plain);
            const opened = await crypto.subtle.decrypt(hpke.turn(receiving, at, aad), receiving.aes, secret);
            rows.push([bytes.hex(new Uint8Array(sealed)), bytes.hex(new Uint8Array(opened))]);
          }
          return { enc: bytes.hex(enc), nonce: bytes.hex(context.nonce), rows };
        }""",
        [vector, turns],
    )
    assert len(turns) >= 3
    assert result["enc"] == vector["enc"]
    assert result["nonce"] == vector["base_nonce"]
    assert result["rows"] == [[row["ct"], row["pt"]] for _, row in turns]


def test_our_own_envelope_vectors_open_or_are_refused_in_the_browser_as_in_python(js, vectors):
    rows = vectors("envelopes")
    results = js(
        """async (rows) => {
          const results = [];
          for (const row of rows) {
            const pair = await pairOf(bytes.unbase64(row.private_key));
            const place = { ...row, header: bytes.unbase64(row.header) };
            const sealed = bytes.unbase64(row.envelope);
            results.push(await attempt(async () => bytes.base64(await envelope.open(sealed, pair, place))));
          }
          return results;
        }""",
        rows,
    )
    for row, result in zip(rows, results, strict=True):
        if row["refusal"] is None:
            assert result == {"done": row["text"]}, row["name"]
        else:
            assert result["fault"] == "OpenError", row["name"]


def test_our_own_alert_vectors_verify_or_are_refused_in_the_browser(js, vectors):
    rows = vectors("alerts")
    results = js(
        """async (rows) => {
          const results = [];
          for (const row of rows) {
            const incident = JSON.parse(bytes.text(bytes.unbase64(row.header))).alert;
            const given = { ...row, signer_key: row.public_key };
            const digest = bytes.base64(await bytes.sha256(bytes.unbase64(row.evidence)));
            const short = { ...given, evidence: undefined, evidence_digest: digest };
            results.push([
              await attempt(async () => (await alert_.verify(given, incident)).record),
              await attempt(async () => (await alert_.verify(short, incident)).record),
              await attempt(async () => (await alert_.verify(given, "00000000-0000-4000-8000-000000000000")).record),
            ]);
          }
          return results;
        }""".replace("alert_", "window.alert"),
        rows,
    )
    for row, (whole, short, moved) in zip(rows, results, strict=True):
        if row["refusal"] is None:
            assert whole == short == {"done": messages.decode_header(base64.b64decode(row["header"])).record.__str__()}
        else:
            assert whole["fault"] == short["fault"] == "AlertError", row["name"]
        assert moved["fault"] == "AlertError"


def test_our_own_document_vectors_open_or_are_refused_in_the_browser(js, vectors):
    rows = vectors("documents")
    results = js(
        """async (rows) => {
          const results = [];
          for (const row of rows) {
            const pair = await pairOf(bytes.unbase64(row.private_key));
            results.push(await attempt(() => sealed.openSigned(row.purpose, row, row.subject, pair, row.signers)));
          }
          return results;
        }""",
        rows,
    )
    for row, result in zip(rows, results, strict=True):
        if row["refusal"] is None:
            assert result == {"done": json.loads(base64.b64decode(row["text"]))}, row["name"]
        else:
            refused_as = "SignatureError" if row["refusal"] == "bad_lead_signature" else "OpenError"
            assert result["fault"] == refused_as, row["name"]


def test_python_opens_and_believes_what_the_browser_seals_and_signs(js):
    author, reader = os.urandom(sealing.KEY_BYTES), os.urandom(sealing.KEY_BYTES)
    keys = [sealing.public_of(author), sealing.public_of(reader)]
    subject, record = uuid4(), uuid4()
    made = js(
        """async ([author, keys, subject, record]) => {
          const pair = await pairOf(bytes.unbase64(author));
          return sealed.sealSigned("note", { text: "née" }, keys.map(bytes.unbase64), subject, record, pair);
        }""",
        [b64(author), [b64(key) for key in keys], str(subject), str(record)],
    )
    document = messages.decode(json.dumps(made).encode(), documents.SealedDocument)
    assert document.signer == keys[0]
    text = documents.open_signed("note", document, subject, reader, [sealing.key_id(keys[0])])
    assert json.loads(text) == {"text": "née"}


def test_our_own_concern_vectors_open_or_are_refused_in_the_browser(js, vectors):
    rows = vectors("concerns")
    results = js(
        """async (rows) => {
          const results = [];
          for (const row of rows) {
            results.push(await attempt(async () => {
              const read = await alert.verify(row, row.incident);
              const pair = await pairOf(bytes.unbase64(row.private_key));
              return [await alert.open(row, read, "heading", pair), await alert.open(row, read, "evidence", pair)];
            }));
          }
          return results;
        }""",
        rows,
    )
    for row, result in zip(rows, results, strict=True):
        if row["refusal"] is None:
            parts = [json.loads(base64.b64decode(row["text"][part])) for part in ("heading", "evidence")]
            assert result == {"done": parts}, row["name"]
        else:
            refused_as = "SignatureError" if row["refusal"] == "bad_lead_signature" else "OpenError"
            assert result["fault"] == refused_as, row["name"]


def test_our_own_re_wrap_vectors_let_in_and_open_or_are_refused_in_the_browser(js, vectors):
    rows = vectors("rewraps")
    results = js(
        """async (rows) => {
          const results = [];
          for (const row of rows) {
            results.push(await attempt(async () => {
              const recipient = await envelope.keyId(bytes.unbase64(row.rewrap.recipient));
              const before = row.sealed_to.filter((id) => id !== recipient);
              const after = await rewrap.readers(before, row.incident, [row.rewrap]);
              if (!after.has(recipient)) throw new sealed.SignatureError("not let in");
              const pair = await pairOf(bytes.unbase64(row.private_key));
              const place = { ...row.place, header: bytes.unbase64(row.place.header) };
              const wrap = bytes.unbase64(row.wrap);
              return bytes.text(await envelope.open(bytes.unbase64(row.envelope), pair, place, wrap));
            }));
          }
          return results;
        }""",
        rows,
    )
    for row, result in zip(rows, results, strict=True):
        if row["refusal"] is None:
            assert result == {"done": "{}"}, row["name"]
        else:
            refused_as = "SignatureError" if row["refusal"] == "bad_lead_signature" else "OpenError"
            assert result["fault"] == refused_as, row["name"]


def test_python_opens_and_believes_what_the_browser_re_wraps(js):
    lead, deputy = os.urandom(sealing.KEY_BYTES), os.urandom(sealing.KEY_BYTES)
    incident = uuid4()
    place = sealing.Place(purpose="evidence", subject=uuid4(), record=uuid4(), header=b"{}")
    sealed = sealing.seal(b"text", [sealing.public_of(lead)], place)
    slot = sealing.slot_of(sealed, sealing.key_id(sealing.public_of(lead)))
    made = js(
        """async ([lead, recipient, sealed, slot, incident, subject, record]) => rewrap.make({
          pair: await pairOf(bytes.unbase64(lead)),
          recipient: bytes.unbase64(recipient),
          digest: await bytes.sha256(bytes.unbase64(sealed)),
          kept: { wrap: bytes.unbase64(slot), label: "wrap" },
          incident,
          place: { purpose: "evidence", subject, record, header: bytes.utf8("{}") },
        })""",
        [b64(lead), b64(sealing.public_of(deputy)), b64(sealed), b64(slot), str(incident), str(place.subject),
         str(place.record)],
    )  # fmt: skip
    one = messages.decode(json.dumps(made).encode(), rewraps.Rewrap)
    rewraps.check(one, incident, [sealing.key_id(sealing.public_of(lead))])
    assert sealing.open_envelope(sealed, deputy, place, wrap=one.wrap) == b"text"


@pytest.mark.parametrize("size", [0, 1, 4092, 4093, 16380])
def test_python_opens_what_the_browser_seals(js, size):
    keys = [os.urandom(sealing.KEY_BYTES) for _ in range(3)]
    publics = [sealing.public_of(key) for key in keys]
    subject, record = str(uuid4()), str(uuid4())
    sealed = js(
        """async ([size, keys, subject, record]) => {
          const place = { purpose: "note", subject, record, header: new Uint8Array(0) };
          return bytes.base64(await envelope.seal(new Uint8Array(size).fill(120), keys.map(bytes.unbase64), place));
        }""",
        [size, [b64(public) for public in publics], subject, record],
    )
    place = sealing.Place(purpose="note", subject=UUID(subject), record=UUID(record), header=b"")
    for key in keys:
        assert sealing.open_envelope(base64.b64decode(sealed), key, place) == b"x" * size


def test_a_text_too_long_to_seal_is_refused(js):
    refused = js(
        """async (id) => attempt(() => envelope.seal(new Uint8Array(16381), [new Uint8Array(64).fill(9)],
          { purpose: "note", subject: id, record: id, header: new Uint8Array(0) }))""",
        str(uuid4()),
    )
    assert "16380" in refused["words"]


def test_nothing_opens_after_any_one_byte_was_altered(js):
    secret = os.urandom(sealing.KEY_BYTES)
    place = sealing.Place(purpose="evidence", subject=uuid4(), record=uuid4(), header=b"header")
    sealed = sealing.seal(b"text", [sealing.public_of(secret)], place)
    results = js(
        """async ([sealed, secret, subject, record, header]) => {
          const pair = await pairOf(bytes.unbase64(secret));
          const place = { purpose: "evidence", subject, record, header: bytes.utf8(header) };
          const good = bytes.unbase64(sealed);
          const results = [];
          for (const at of [0, 1, 2, 17, 18, 49, 50, 97, 98, 3000, good.length - 1]) {
            const altered = good.slice();
            altered[at] ^= 1;
            results.push((await attempt(() => envelope.open(altered, pair, place))).fault);
          }
          const moves = [{ purpose: "heading" }, { subject: record }, { record: subject }, { header: bytes.utf8("h") }];
          for (const change of moves) {
            results.push((await attempt(() => envelope.open(good, pair, { ...place, ...change }))).fault);
          }
          results.push(bytes.text(await envelope.open(good, pair, place)));
          return results;
        }""",
        [b64(sealed), b64(secret), str(place.subject), str(place.record), "header"],
    )
    assert results == ["OpenError"] * 15 + ["text"]


def test_a_key_made_in_the_browser_unlocks_in_python_and_in_the_browser_without_being_extractable(js):
    result = js(
        """async (phrase) => {
          const file = await leadkey.make(phrase);
          const pair = await leadkey.unlock(file, "  " + phrase.toUpperCase());
          const taken = [];
          for (const key of [pair.privateKey, pair.signingKey]) {
            taken.push(key.extractable, (await attempt(() => crypto.subtle.exportKey("pkcs8", key))).fault);
          }
          return { file, taken };
        }""",
        PHRASE,
    )
    key = messages.decode(json.dumps(result["file"]).encode(), leadkeys.LeadKey)
    assert sealing.public_of(leadkeys.unlock(key, PHRASE)) == key.public_key
    assert result["taken"] == [False, "DOMException"] * 2


def test_a_key_made_in_python_unlocks_in_the_browser_and_opens_there(js):
    key = leadkeys.make(PHRASE)
    place = sealing.Place(purpose="heading", subject=uuid4(), record=uuid4(), header=b"h")
    sealed = sealing.seal(b"opened", [key.public_key], place)
    results = js(
        """async ([file, phrase, sealed, subject, record]) => {
          const pair = await leadkey.unlock(file, phrase);
          const place = { purpose: "heading", subject, record, header: bytes.utf8("h") };
          const text = bytes.text(await envelope.open(bytes.unbase64(sealed), pair, place));
          const other = file.public_key.replace(/^./, (sign) => (sign === "A" ? "B" : "A"));
          const refusals = [];
          for (const [change, words] of [
            [{}, phrase + "s"], [{ public_key: other }, phrase], [{ key_id: "0".repeat(32) }, phrase],
            [{ iterations: 1000 }, phrase], [{ version: 2 }, phrase],
            [{ opening: file.signing, signing: file.opening }, phrase],
          ]) refusals.push((await attempt(() => leadkey.unlock({ ...file, ...change }, words))).fault);
          return { text, refusals };
        }""",
        [json.loads(messages.encode(key)), PHRASE, b64(sealed), str(place.subject), str(place.record)],
    )
    assert results == {"text": "opened", "refusals": ["KeyError"] * 6}


def test_the_browsers_passphrase_is_six_words_of_the_list_and_new_each_time(js):
    listed = list(leadkeys.words())
    first, second = js("(words) => [leadkey.makePassphrase(words), leadkey.makePassphrase(words)]", listed)
    assert set(first.split(" ")) <= set(listed)
    assert len(first.split(" ")) == 6
    assert first != second


def test_a_note_is_only_sealed_to_readers_the_device_sealed_the_case_to(js):
    mine, strange = leadkeys.make("a"), leadkeys.make("b")
    given, refused = js(
        """async ([mine, strange, sealed_to]) => [
          (await window.alert.recipientsOf({ sealed_to }, [mine])).length,
          (await attempt(() => window.alert.recipientsOf({ sealed_to }, [mine, strange]))).fault,
        ]""",
        [b64(mine.public_key), b64(strange.public_key), [mine.key_id]],
    )
    assert given == 1
    assert refused == "AlertError"


def test_a_kept_key_is_for_its_owner_alone_and_is_gone_after_another_asks(js):
    found = js(
        """async (phrase) => {
          const pair = await leadkey.unlock(await leadkey.make(phrase), phrase);
          await keystore.keep(pair, "7", "id");
          const own = (await keystore.recall("7"))?.privateKey.extractable;
          const others = await keystore.recall("8");
          return [own, others, await keystore.recall("7")];
        }""",
        PHRASE,
    )
    assert found == [False, None, None]
