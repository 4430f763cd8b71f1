#!/bin/sh
# Enrols this device with a token from a file, and starts the service. Run by the package, and by fairwatch-enrol.timer.
# Usage: enrol.sh [TOKEN_FILE]. The token is in no command line, log or package database: only its file's name is.
# Exit 0: enrolled, now or before. 1: try again later. 2: this token can't be used.
set -u
umask 022
held=/etc/fairwatch/token
token=${1:-$held}
state=/var/lib/fairwatch
say() { printf 'fairwatch-agent: %s\n' "$*"; }

# The timer may run while a package is installed: two at once could each make a key.
[ -d "$state" ] || mkdir -m 755 "$state" || exit 1
exec 9<"$state"
if ! flock -w 30 9; then
    say "another enrolment is under way: it is tried again every ten minutes" >&2
    exit 1
fi
if [ ! -e "$token" ] && [ -e "$state/identity.json" ]; then exit 0; fi
if [ ! -f "$token" ] || [ -L "$token" ]; then
    say "there is no token file at $token: this device is not enrolled, and nothing is watched" >&2
    exit 2
fi
case $(stat -c '%u %a' "$token") in
    "0 400" | "0 600") ;;
    *) say "$token can be read or changed by other accounts: make it root's (chown root, chmod 600), and perhaps a new token" >&2
       exit 2 ;;
esac
for _ in 1 2 3; do
    # An editor and `install` make an empty file first: its writer would go on in one that was put aside.
    if [ ! -e "$state/identity.json" ] && ! grep -q '[^[:space:]]' "$token"; then
        say "$token is still empty: this device is not enrolled, and nothing is watched, until IT's token is in $held" >&2
        exit 1
    fi
    before=$(cksum <"$token")
    said=$(timeout 120 /usr/bin/fairwatch-agent enrol --token-file "$token" </dev/null 2>&1 9<&-)
    code=$?
    [ "$code" = 2 ] || break
    # Whoever writes the file may not be done with it: it is refused once it stands still.
    sleep 1
    if [ "$(cksum <"$token")" = "$before" ]; then break; fi
    said="$token is still being written: this device is not enrolled until IT's whole token is in $held" code=unfinished
done
say "$said"
case $code in
    0)
        rm -f "$token" "$held" "$held.refused"
        if [ -d /run/systemd/system ]; then systemctl start --no-block fairwatch-agent.service || true; fi
        exit 0 ;;
    2)
        # It will not do later either: kept for root to look at, out of the way of the next one.
        if [ "$token" = "$held" ]; then mv -f "$held" "$held.refused"; fi
        say "this device is not enrolled, and nothing is watched; put another token at $held" >&2
        exit 2 ;;
    unfinished)
        # What is there now is no token; the timer looks at what is held.
        exit 1 ;;
    *)
        # Nobody answered: what was given with the installation waits for the timer.
        rm -f "$held.refused" # what was refused before is no longer what this device waits with
        if [ "$token" != "$held" ]; then install -D -m 600 "$token" "$held" && rm -f "$token"; fi
        say "it is tried again every ten minutes" >&2
        exit 1 ;;
esac
