#!/usr/bin/env bash
# Parts that tests need and pip cannot bring. What stands on this machine is used as it is; what does
# not is unpacked from the packages of Debian into .parts, without root and without installing it.
# PARTS_ONLY_OWN=1 takes nothing from the machine. Says nothing when nothing is missing, and one line when it could not help: tests decide then.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

PLACE=.parts/softhsm2
MEND="tests of keys in an HSM are skipped, and fail with CI=1; on Debian: apt-get install softhsm2"

give_up() {
    echo "parts: SoftHSM2 is missing and $1: $MEND" >&2
    rm -rf "$PLACE" "$WORK"
    exit 0
}

stands() {
    [ -x "$1/usr/bin/softhsm2-util" ] || return 1
    for library in "$1"/usr/lib/softhsm/libsofthsm2.so "$1"/usr/lib64/*/libsofthsm*.so; do
        [ -e "$library" ] && return 0
    done
    return 1
}

[ -z "${PARTS_ONLY_OWN:-}" ] && stands / && exit 0
stands "$PLACE" && exit 0

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
command -v apt-get >/dev/null && command -v dpkg >/dev/null || give_up "there is no apt-get to fetch it with"

# Lists and packages of our own: no root, and nothing of the system's is touched.
fetch() {
    (cd "$WORK" && timeout 60 apt-get -qq -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=0 \
        -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 "$@" >/dev/null 2>&1)
}
own_lists() {
    mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
    fetch -o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache" "$@"
}

PACKAGES="softhsm2 libsofthsm2 softhsm2-common"
# shellcheck disable=SC2086  # three names
fetch download $PACKAGES || { own_lists update && own_lists download $PACKAGES; } || give_up "its packages cannot be fetched"
rm -rf "$PLACE"
mkdir -p "$PLACE"
for package in "$WORK"/*.deb; do
    dpkg -x "$package" "$PLACE" || give_up "its packages cannot be unpacked"
done
stands "$PLACE" || give_up "its packages hold something else"
"$PLACE/usr/bin/softhsm2-util" --version >/dev/null 2>&1 || give_up "it does not run here"
echo "parts: SoftHSM2 unpacked into $PLACE"
