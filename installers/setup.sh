#!/bin/sh
# Makes this clone ready to run: system packages by apt where there is apt, then a locked .venv. Says first what it will do.
# Usage: installers/setup.sh [commands|installers|demo|test|bench]     commands: only what the four commands need, no browser. Run again at will: when nothing is missing it returns at once.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-test}

# package name : a file or command that shows it is there : what it is for
installers_packages="
wixl:wixl:builds the Windows package
msitools:msibuild:finishes it
gcc-mingw-w64-x86-64-win32:x86_64-w64-mingw32-gcc:compiles the programs in it"
demo_packages="
chromium:chromium:the browser whose visits the demonstration records
fonts-dejavu-core:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:readable letters in the browser and in reports
libpangoft2-1.0-0:/usr/share/doc/libpangoft2-1.0-0:reports as PDF"
test_packages="$demo_packages$installers_packages
firefox-esr:firefox-esr:the second browser that is tested for real
xvfb:Xvfb:a screen without a monitor, for the tests of apps in front
openbox:openbox:a window manager for that screen
xterm:xterm:an app to put in front
xdotool:xdotool:a hand that switches windows
wine:wine:runs what is written for Windows, and installs the Windows package
osslsigncode:osslsigncode:signs the Windows package
dbus-daemon:dbus-daemon:a message bus, by which lockers say that a session is locked
sway:sway:a Wayland desktop that says which app is in front
foot:foot:an app to put in front there
poppler-utils:pdftotext:reads reports made as PDF
curl:curl:asks for names over HTTPS as a phone does
knot-dnsutils:kdig:asks for names over TLS and HTTPS with all of their options
dnsperf:dnsperf:asks for names as fast as it can
gettext:msgfilter:makes catalogues of what the pages say
postgresql:/usr/lib/postgresql:the second database that the store runs on
debootstrap:/usr/sbin/debootstrap:a clean system to install our package into
buildah:buildah:makes the collector's container
podman:podman:runs it
runc:runc:what podman runs it with, on machines of either kind of control groups
pebble:pebble:an authority that gives certificates to tests
rpm:rpm:looks into the package for Red Hat and its kin
systemd:systemd-analyze:measures how hardened the services are"
bench_packages="$test_packages
squidguard:squidGuard:a peer that matches host names
unbound:/usr/sbin/unbound:a resolver with lists, measured as a peer and not left running
dnsdist:/usr/bin/dnsdist:a balancer of resolvers, measured as a peer and not left running"

say() { printf 'setup: %s\n' "$*"; }

python=""
for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { say "Python 3.11 or newer is needed: install it, then run make again." >&2; exit 2; }

case $purpose in
    commands) wanted="" ;;
    installers) wanted=$installers_packages ;;
    demo) wanted=$demo_packages ;;
    test) wanted=$test_packages ;;
    bench) wanted=$bench_packages ;;
    *) say "«$purpose» is not known; say commands, installers, demo, test or bench" >&2; exit 2 ;;
esac
missing=""; list=""
old_ifs=$IFS; IFS='
'
for line in $wanted; do
    name=${line%%:*}; rest=${line#*:}; sign=${rest%%:*}; why=${rest#*:}
    case $sign in /*) [ -e "$sign" ] && continue ;; *) command -v "$sign" >/dev/null 2>&1 && continue ;; esac
    missing="$missing $name"; list="$list
    $name ($why)"
done
IFS=$old_ifs
"$python" -c 'import venv, ensurepip' 2>/dev/null || { missing="$missing $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"; list="$list
    the venv module of Python"; }

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "this system has no apt. Missing, and to be installed by hand for the full result:$list"
    else
        as_root=""
        [ "$(id -u)" = 0 ] || as_root=sudo
        if [ -n "$as_root" ] && ! command -v sudo >/dev/null 2>&1; then
            say "not root and no sudo. Missing, and to be installed by an administrator:$list"
        else
            say "about to install with apt:$list"
            $as_root apt-get update -q >/dev/null || say "apt-get update failed; going on with the package lists that are here"
            # shellcheck disable=SC2086  # a list of names
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null \
                || say "apt could not install everything; going on with what is here"
            for peer in unbound dnsdist; do # Debian starts what it installs; here they are only measured, from ports of their own
                case $missing in *"$peer"*)
                    if command -v systemctl >/dev/null 2>&1; then $as_root systemctl disable --now "$peer" >/dev/null 2>&1 || true; fi ;;
                esac
            done
        fi
    fi
fi

# The last line of what is below is the stamp: an attempt that was cut off, or a clone that was moved, begins again.
stamp=.venv/.locked
here=$(pwd -P); there=$(cat .venv/.place 2>/dev/null || true)
if [ "$there" != "$here" ] || ! cmp -s requirements.lock "$stamp" || ! cmp -s pyproject.toml .venv/.project; then
    say "about to install $(grep -c '==' requirements.lock) locked Python packages into .venv (about a minute)"
    { [ "$there" = "$here" ] && .venv/bin/python -c 'import pip' 2>/dev/null; } || "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    echo "$here" >.venv/.place; cp pyproject.toml .venv/.project; cp requirements.lock "$stamp"
fi
say "ready"
