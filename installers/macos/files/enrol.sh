#!/bin/sh
# Enrols this Mac with IT's token from its file, once: launchd starts it when there is one, and every ten minutes.
# The token is in no command line or log: only its file's name is.
# Usage: enrol.sh [STATE_FOLDER PROGRAM]. Exit 0: enrolled, or nothing to do. 1: later. 2: this token can't be used.
set -u
umask 022
state=${1:-"/Library/Application Support/Fairwatch"}
program=${2:-/Library/Fairwatch/fairwatch-agent}
token="$state/token"
say() { printf '%s fairwatch-agent: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }

[ -e "$token" ] || [ -L "$token" ] || exit 0
if [ ! -f "$token" ] || [ -L "$token" ]; then
    say "$token is no file: this Mac is not enrolled" >&2
    exit 2
fi
# Linux is where this is tried.
if [ "$(uname -s)" = Darwin ]; then owned=$(stat -f '%u %Lp' "$token"); else owned=$(stat -c '%u %a' "$token"); fi
case $owned in
    "0 400" | "0 600") ;;
    *) say "$token can be read or changed by other accounts: make it root's (chown root, chmod 600), and perhaps a new token" >&2
       exit 2 ;;
esac
for _ in 1 2 3; do
    # An editor and `install` make an empty file first: its writer would go on in one that was put aside.
    if [ ! -e "$state/identity.json" ] && ! grep -q '[^[:space:]]' "$token"; then
        say "$token is still empty: this Mac is not enrolled, and nothing is watched, until IT's token is in it" >&2
        exit 1
    fi
    before=$(cksum <"$token")
    said=$("$program" enrol --token-file "$token" </dev/null 2>&1)
    code=$?
    [ "$code" = 2 ] || break
    # launchd starts this as soon as the file is there: it is refused once it stands still.
    sleep 1
    if [ "$(cksum <"$token")" = "$before" ]; then break; fi
    said="$token is still being written" code=1
done
say "$said"
case $code in
    0) rm -f "$token" "$token.refused" ;;
    2) mv -f "$token" "$token.refused"
       say "this Mac is not enrolled, and nothing is watched; put another token at $token" >&2 ;;
    *) say "it is tried again every ten minutes" >&2 ;;
esac
exit "$code"
