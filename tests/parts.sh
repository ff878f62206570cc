#!/usr/bin/env bash
# Parts that tests need and pip cannot bring. What stands on this machine is used as it is; what does
# not is unpacked from the packages of Debian into .parts, without root and without installing it.
# PARTS_ONLY_OWN=1 takes nothing from the machine. Says nothing when nothing is missing, and one line for each part that could not be had: tests decide then.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# Lists and packages of our own: no root, and nothing of the system's is touched.
fetch() {
    (cd "$WORK/debs" && timeout 120 apt-get -qq -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=0 \
        -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 "$@" >/dev/null 2>&1)
}
own_lists() {
    mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
    fetch -o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache" "$@"
}

# unpack PART PLACE MEND PACKAGE...: from Debian's packages; false, and one line, if that cannot be.
unpack() {
    local part=$1 place=$2 mend=$3
    shift 3
    rm -rf "$WORK/debs" "$place"
    mkdir -p "$WORK/debs"
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        lacks "$part" "$place" "there is no apt-get to fetch it with" "$mend"
    elif ! fetch download "$@" && ! { own_lists update && own_lists download "$@"; }; then
        lacks "$part" "$place" "its packages cannot be fetched" "$mend"
    else
        mkdir -p "$place"
        for package in "$WORK/debs"/*.deb; do
            dpkg -x "$package" "$place" || { lacks "$part" "$place" "its packages cannot be unpacked" "$mend"; return 1; }
        done
    fi
}
lacks() {
    echo "parts: $1 is missing and $3: $4" >&2
    rm -rf "$2"
    return 1
}

softhsm_stands() {
    [ -x "$1/usr/bin/softhsm2-util" ] || return 1
    for library in "$1"/usr/lib/softhsm/libsofthsm2.so "$1"/usr/lib64/*/libsofthsm*.so; do
        [ -e "$library" ] && return 0
    done
    return 1
}
softhsm() {
    local place=.parts/softhsm2 mend="tests of keys in an HSM are skipped, and fail with CI=1; on Debian: apt-get install softhsm2"
    [ -z "${PARTS_ONLY_OWN:-}" ] && softhsm_stands / && return
    softhsm_stands "$place" && return
    unpack SoftHSM2 "$place" "$mend" softhsm2 libsofthsm2 softhsm2-common || return
    softhsm_stands "$place" || { lacks SoftHSM2 "$place" "its packages hold something else" "$mend"; return; }
    "$place/usr/bin/softhsm2-util" --version >/dev/null 2>&1 || { lacks SoftHSM2 "$place" "it does not run here" "$mend"; return; }
    echo "parts: SoftHSM2 unpacked into $place"
}

# The programs of a server, wherever distributions put them; as tests/builders/postgres.py looks for them.
postgres_stands() {
    for folder in "$1"/usr/lib/postgresql/*/bin "$1"/usr/bin "$1"/usr/local/bin "$1"/usr/pgsql-*/bin; do
        [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ] && return 0
    done
    return 1
}
# The newest version that this system's lists know.
postgres_version() {
    apt-cache "$@" pkgnames postgresql- 2>/dev/null | sed -n 's/^postgresql-\([0-9]*\)$/\1/p' | sort -n | tail -1
}
postgres() {
    local place=.parts/postgresql mend="tests of the store in PostgreSQL are skipped, and fail with CI=1; on Debian: apt-get install postgresql" version
    [ -z "${PARTS_ONLY_OWN:-}" ] && postgres_stands / && return
    postgres_stands "$place" && return
    mkdir -p "$WORK/debs"
    version=$(postgres_version)
    if [ -z "$version" ]; then
        own_lists update
        version=$(postgres_version -o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache")
    fi
    [ -n "$version" ] || { lacks PostgreSQL "$place" "its packages cannot be found" "$mend"; return; }
    # What its server and initdb load; libraries that the system has are fetched too, and do no harm.
    # shellcheck disable=SC2046  # names
    unpack PostgreSQL "$place" "$mend" "postgresql-$version" "postgresql-client-$version" $(libraries_of "postgresql-$version" "postgresql-client-$version") || return
    postgres_stands "$place" || { lacks PostgreSQL "$place" "its packages hold something else" "$mend"; return; }
    LD_LIBRARY_PATH=$(echo "$PWD/$place"/usr/lib/*-linux-gnu) "$place"/usr/lib/postgresql/*/bin/postgres --version >/dev/null 2>&1 ||
        { lacks PostgreSQL "$place" "it does not run here" "$mend"; return; }
    echo "parts: PostgreSQL $version unpacked into $place"
}
# Every shared library that a package needs, by the names of this system's lists; not those that no Debian is without, nor LLVM.
libraries_of() {
    local lists=()
    apt-cache show "$1" >/dev/null 2>&1 || lists=(-o Dir::State::lists="$WORK/lists" -o Dir::Cache="$WORK/cache")
    # shellcheck disable=SC2046  # names
    apt-cache "${lists[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        $(apt-cache "${lists[@]}" depends "$@" | sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\)$/\1/p' | grep -v '^libllvm') |
        grep '^lib' | grep -vE -- '-perl$|-dev$|^lib(llvm|c6|c-bin|gcc-s1|stdc|debian-installer|newt|slang|textwrap)' | sort -u
}

# Authoritative name server, by which names are looked up in tests.
nsd_stands() {
    [ -x "$1/usr/sbin/nsd" ]
}
nsd() {
    local place=.parts/nsd mend="tests against a name server that we did not write are skipped, and fail with CI=1; on Debian: apt-get install nsd"
    [ -z "${PARTS_ONLY_OWN:-}" ] && nsd_stands / && return
    nsd_stands "$place" && return
    mkdir -p "$WORK/debs"
    apt-cache show nsd >/dev/null 2>&1 || own_lists update
    # shellcheck disable=SC2046  # names
    unpack NSD "$place" "$mend" nsd $(libraries_of nsd) || return
    nsd_stands "$place" || { lacks NSD "$place" "its packages hold something else" "$mend"; return; }
    LD_LIBRARY_PATH=$(echo "$PWD/$place"/usr/lib/*-linux-gnu) "$place/usr/sbin/nsd" -v >/dev/null 2>&1 || { lacks NSD "$place" "it does not run here" "$mend"; return; }
    echo "parts: NSD unpacked into $place"
}

softhsm
postgres
nsd
exit 0
