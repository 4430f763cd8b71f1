#!/bin/sh
# Removes the agent. With --purge its identity, spool, logs and key go too, and the device can't be told from a new one.
set -u
[ "$(id -u)" = 0 ] || { echo "uninstall.sh: run it as root" >&2; exit 2; }
case ${1:-} in "" | --purge) ;; *) echo "uninstall.sh: only --purge is known" >&2; exit 2 ;; esac
for uid in $(ps -axo uid=,comm= | awk '$2 ~ /loginwindow$/ && $1 > 0 { print $1 }' | sort -u); do
    launchctl bootout "gui/$uid/org.fairwatch.session" 2>/dev/null
done
for label in org.fairwatch.enrol org.fairwatch.agent; do
    launchctl bootout "system/$label" 2>/dev/null
done
rm -f /Library/LaunchDaemons/org.fairwatch.agent.plist /Library/LaunchDaemons/org.fairwatch.enrol.plist \
    /Library/LaunchAgents/org.fairwatch.session.plist /usr/local/bin/fairwatch-agent
rm -f "/Library/Google/Chrome/NativeMessagingHosts/org.fairwatch.agent.json" \
    "/Library/Application Support/Chromium/NativeMessagingHosts/org.fairwatch.agent.json" \
    "/Library/Microsoft/Edge/NativeMessagingHosts/org.fairwatch.agent.json" \
    "/Library/Application Support/BraveSoftware/Brave-Browser/NativeMessagingHosts/org.fairwatch.agent.json" \
    "/Library/Application Support/Mozilla/NativeMessagingHosts/org.fairwatch.agent.json"
if [ "${1:-}" = --purge ]; then
    security delete-generic-password -a fairwatch -s org.fairwatch.agent.device /Library/Keychains/System.keychain >/dev/null 2>&1
    rm -rf "/Library/Application Support/Fairwatch" /Library/Logs/Fairwatch
fi
pkgutil --forget org.fairwatch.agent >/dev/null 2>&1
rm -rf /Library/Fairwatch
exit 0
