"""The stage of a phone's journey: a gateway on this machine, and a browser that asks it for names as a phone does."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from server import certificates
from server.children import EveryHost, free_port
from server.every_name import EveryName
from server.stage import DEMO_GROUP, DEMO_HOST, Stage, say

GATEWAY_HOST: Final = "gateway.localhost"
RESOLVER_HOST: Final = "resolver.localhost"
PHONE_NAME: Final = "Sample phone"
PERSON: Final = "alice"
BESIDE: Final = ("pictures.example", "measuring.example")
"""A page without other hosts' pictures could be a prefetched link: it would be unclear."""


class PhoneStage(Stage):
    """A demonstration in which the device is a gateway, and its browser a phone that the gateway knows by an id."""

    def __init__(self, folder: Path, port: int, *, unattended: bool) -> None:
        super().__init__(folder, port, unattended=unattended)
        self.sites.stop()
        self.sites = EveryHost(BESIDE)
        self._https, self._spki = free_port(), ""
        self._names: EveryName | None = None
        self._ident = ""

    def end(self) -> None:
        """End everything that was started."""
        super().end()
        if self._names is not None:
            self._names.stop()

    def enrol(self) -> None:
        """Enrol this machine as a gateway, name it one, start it, and add a phone that it then knows."""
        say("enrolling this machine as a gateway, and adding a phone")
        self._enrol(self.agent)
        certificate, key = self._certificate()
        self._names = EveryName(certificate, key)
        (self.agent / "agent.toml").write_text("send_seconds = 5\nheartbeat_seconds = 30\ntick_seconds = 5\n")
        (self.agent / "gateway.toml").write_text(
            f"certificate = {json.dumps(str(certificate))}\nkey = {json.dumps(str(key))}\n"
            f"authority = {json.dumps(str(certificate))}\n"
            f'upstreams = ["127.0.0.1@{self._names.port}#{RESOLVER_HOST}"]\naddress = "127.0.0.1"\n'
            f"doh_port = {self._https}\ndot_port = {free_port()}\nphones_seconds = 1\n"
        )
        phones: list[str | Path] = [self.own("fairwatch-server"), "phones", "--data-dir", self.collector]
        self.children.once("gateway", [*phones, "gateway", self._device()])
        added = ["add", PHONE_NAME, "--group", DEMO_GROUP, "--platform", "android", "--account", PERSON, "--noticed"]
        self._ident = json.loads(self.children.once("phone", [*phones, *added, "--host", GATEWAY_HOST, "--json"]))["id"]
        self.children.start("gateway-run", [self.own("fairwatch-agent"), "gateway", "--data-dir", self.agent])
        self._wait_for("the gateway to have its rules and to know the phone", self._gateway_is_ready, 40)

    def _device(self) -> str:
        from server.store.models import Device

        return str(Device.objects.get(sample=False, public_key__isnull=False).pk)

    def _gateway_is_ready(self) -> bool:
        written = self.children.written("gateway-run")
        return "service.rules" in written and "gateway.phones n=1" in written

    def _certificate(self) -> tuple[Path, Path]:
        """One certificate for gateway and resolver, which nothing but this demonstration trusts."""
        certificate, key = self.keys / "gateway.pem", self.keys / "gateway.key"
        names = (GATEWAY_HOST, f"*.{GATEWAY_HOST}", RESOLVER_HOST)
        certificates.make(key, certificate, names, datetime.now(UTC))
        self._spki = base64.b64encode(bytes.fromhex(certificates.pin(certificate))).decode()
        return certificate, key

    # --- what was seen ---------------------------------------------------------------------------------------------

    def is_what_was_visited(self, case: dict[str, Any]) -> bool:
        """The same, and that it is said to be likely a visit by the phone whose id was used."""
        heading = case["heading"]
        likely = (heading["certainty"], heading["identity"], heading["person"]) == ("likely", "proven", PERSON)
        return likely and super().is_what_was_visited(case)

    def further(self, case: dict[str, Any]) -> dict[str, Any]:
        """How likely a visit is, whose phone looked the name up, and which gateway signed."""
        header, heading = case["header"], case["heading"]
        return {
            "looked_up": {name: heading[name] for name in ("certainty", "identity", "person")},
            "phone": header["device"],
            "gateway": header["signer"],
        }

    # --- the phone -------------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The flagged page; its host is found through the gateway alone."""
        return f"http://{DEMO_HOST}:{self.sites.port}/"

    def resolving(self) -> list[str]:
        """Chromium's own setting of secure DNS, without which it finds no host here, and trust in this certificate."""
        template = f"https://{GATEWAY_HOST}:{self._https}/d/{self._ident}/dns-query"
        setting: dict[str, Any] = {"dns_over_https": {"mode": "secure", "templates": template}}
        (self.browser / "Local State").write_text(json.dumps(setting))
        return [f"--ignore-certificate-errors-spki-list={self._spki}"]
