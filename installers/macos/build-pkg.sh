#!/bin/sh
# Builds, signs and notarises fairwatch-agent.pkg. On a Mac alone, with Xcode's command line tools: it was never run.
# Usage: sh installers/macos/build-pkg.sh --python TAR.GZ --python-sha256 HEX --sign-app NAME --sign-pkg NAME
#        [--notary-profile NAME] [--url URL]
# --python: a relocatable Python 3.13 for macOS with Tk, whose archive holds one folder `python` (python-build-standalone,
# "install_only"); it is held to the hash that you give. --sign-app, --sign-pkg: your "Developer ID Application: …" and
# "Developer ID Installer: …". --notary-profile: what `xcrun notarytool store-credentials` was given.
# Before: sh installers/setup.sh commands
set -eu
cd "$(dirname "$0")/../.."
fail() { echo "build-pkg.sh: $*" >&2; exit 2; }

python="" hash="" app="" pkg="" notary="" url=https://it.example/fairwatch
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value"
    case $1 in
        --python) python=$2 ;;
        --python-sha256) hash=$2 ;;
        --sign-app) app=$2 ;;
        --sign-pkg) pkg=$2 ;;
        --notary-profile) notary=$2 ;;
        --url) url=$2 ;;
        *) fail "$1 is not known; the first lines of this file say what is" ;;
    esac
    shift 2
done
if [ -z "$python" ] || [ -z "$hash" ]; then fail "--python and --python-sha256 are needed"; fi
if [ -z "$app" ] || [ -z "$pkg" ]; then fail "--sign-app and --sign-pkg are needed: Full Disk Access is given by the signature alone"; fi
arch=arm64 # `cryptography` has no wheels for Intel Macs any more
[ "$(uname -s)" = Darwin ] || fail "only a Mac has the tools that build and sign a package"
for tool in pkgbuild codesign cc shasum; do
    command -v "$tool" >/dev/null || fail "$tool is not here: xcode-select --install"
done
printf '%s  %s\n' "$hash" "$python" | shasum -a 256 -c - >/dev/null || fail "$python is not the file of that hash"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"
home="$root/Library/Fairwatch"
.venv/bin/python -m installers.macos.tree --into "$root" --arch "$arch" --url "$url"
tar -xzf "$python" -C "$home"
[ -x "$home/python/bin/python3.13" ] || fail "$python holds no folder python with Python 3.13"
# What only a person at a terminal would use.
rm -rf "$home/python/bin" "$home/python/share" "$home"/python/lib/python3.13/test "$home"/python/lib/python3.13/ensurepip

# What is linked with the library looks for it under the name that the library gives itself.
install_name_tool -id @rpath/libpython3.13.dylib "$home/python/lib/libpython3.13.dylib"
cc -arch "$arch" -mmacosx-version-min=12.0 -Os -Wall -Wextra -Werror -I"$home/python/include/python3.13" \
    installers/macos/launcher.c -L"$home/python/lib" -lpython3.13 -Wl,-rpath,@executable_path/python/lib -o "$home/fairwatch-agent"
rm -rf "$home/python/include"

# Inside out: libraries first, then the program that loads them.
find "$home" -type f \( -name '*.so' -o -name '*.dylib' \) -exec codesign --force --timestamp --options runtime --sign "$app" {} +
codesign --force --timestamp --options runtime --identifier org.fairwatch.agent --sign "$app" "$home/fairwatch-agent"
codesign --verify --strict "$home/fairwatch-agent"
.venv/bin/python -m installers.macos.tree --manifest "$root"

version=$(cat "$home/version")
scripts="$work/scripts"
cp -R installers/macos/scripts "$scripts"
cp "$home/version" "$scripts/version"
chmod 755 "$scripts/preinstall" "$scripts/postinstall" "$home/fairwatch-agent"
mkdir -p dist
out="dist/fairwatch-agent_${version}_$arch.pkg"
pkgbuild --root "$root" --scripts "$scripts" --identifier org.fairwatch.agent --version "$version" --install-location / \
    --ownership recommended --min-os-version 12.0 --timestamp --sign "$pkg" "$out"
if [ -n "$notary" ]; then
    xcrun notarytool submit "$out" --keychain-profile "$notary" --wait
    xcrun stapler staple "$out"
fi
pkgutil --check-signature "$out"
echo "$out"
