"""Which apps are browsers, so that the time of a site counts only while one was in front."""

from __future__ import annotations

_NAMES = frozenset(
    (
        "brave", "brave-browser", "chrome", "chrome-browser", "chromium", "chromium-browser", "epiphany", "falkon",
        "firefox", "firefox-bin", "firefox-esr", "google-chrome", "google-chrome-beta", "google-chrome-stable",
        "google-chrome-unstable", "konqueror", "librewolf", "microsoft-edge", "microsoft-edge-beta",
        "microsoft-edge-dev", "microsoft-edge-stable", "msedge", "opera", "opera-beta", "safari", "vivaldi",
        "vivaldi-bin", "vivaldi-stable",
    )
)  # fmt: skip

# Flatpak and snap ids, and those of macOS bundles, in lower case.
_IDS = frozenset(
    (
        "brave_brave", "chromium_chromium", "com.apple.safari", "com.brave.browser", "com.google.chrome",
        "com.microsoft.edge", "com.microsoft.edgemac", "com.opera.opera", "com.operasoftware.opera",
        "com.vivaldi.vivaldi", "firefox_firefox", "io.github.ungoogled_software.ungoogled_chromium",
        "io.gitlab.librewolf-community", "opera_opera", "org.chromium.chromium", "org.gnome.epiphany",
        "org.mozilla.firefox",
    )
)  # fmt: skip


def is_browser(identity: str) -> bool:
    """Whether an app identity (`linux:firefox-esr`, `windows:exe:chrome.exe`, ...) is a web browser's."""
    name = identity.rpartition(":")[2].lower()
    return name in _IDS or name.removesuffix(".exe").removesuffix(".desktop") in _NAMES
