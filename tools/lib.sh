# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What quickstart and the tools share: messages with elapsed time, stages that
# log, reading BASE and series.  Sourced; does nothing by itself.

# The callers' own name in messages.
prog=${prog:-${0##*/}}
vth_start=${VTH_START:-$(date +%s)}
export VTH_START=$vth_start

say ()
{
    printf '[%4ds] %s\n' $(($(date +%s) - vth_start)) "$*"
}

warn ()
{
    printf '%s: warning: %s\n' "$prog" "$*" >&2
}

# die MESSAGE [HINT…]: what failed, on what and why; then what to do.
die ()
{
    printf '%s: error: %s\n' "$prog" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# stage TITLE LOG COMMAND…: runs COMMAND with its output in LOG.  A terminal
# shows ninja's or make's progress as it goes; a log file gets a line a minute.
stage ()
{
    local title=$1 log=$2 pid rc shown=0 began now tick
    shift 2
    mkdir -p "$(dirname "$log")"
    say "$title"
    began=$(date +%s)
    # In a process group of its own, so that an interrupt ends all of it: bash
    # makes what it runs in the background ignore one.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064 # this pid
    trap "kill -TERM -- -$pid 2>/dev/null; exit 130" INT TERM HUP
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        now=$(($(date +%s) - began))
        if [ -t 1 ]; then
            tick=$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | grep -ao '^\[[0-9]*/[0-9]*\]' | tail -n 1)
            printf '\r        %s %ds \033[K' "$tick" "$now"
            shown=1
        elif [ $((now / 60)) -gt "$shown" ]; then
            shown=$((now / 60))
            tick=$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | grep -ao '^\[[0-9]*/[0-9]*\]' | tail -n 1)
            say "  … $tick ${now} s"
        fi
    done
    [ ! -t 1 ] || [ "$shown" = 0 ] || printf '\r\033[K'
    wait "$pid"
    rc=$?
    trap - INT TERM HUP
    if [ "$rc" -ne 0 ]; then
        echo "$prog: the last lines of $log:" >&2
        tail -n "${STAGE_TAIL:-20}" "$log" | sed 's/^/  | /' >&2
        if grep -qa 'No space left on device' "$log"; then
            die "$title: no space left on device" \
                "$(df -h --output=target,avail "$(dirname "$log")" | tail -n 1 | awk '{ print "file system " $1 " has " $2 " free" }')" \
                "free some, or choose another build directory with --builddir"
        fi
    fi
    return "$rc"
}

# base_field FILE N FIELD: FIELD of the N-th stanza (1 is first) of a BASE file.
base_field ()
{
    awk -v n="$2" -v field="$3" '
        /^#/ { next }
        /^[[:space:]]*$/ { if (in_stanza) { count++; in_stanza = 0 } next }
        { in_stanza = 1 }
        count + 1 == n && $1 == field ":" { sub(/^[^:]*:[[:space:]]*/, ""); print }
    ' "$1"
}

base_count ()
{
    awk '/^#/ { next } /^[[:space:]]*$/ { s = 0; next } !s { n++; s = 1 } END { print n + 0 }' "$1"
}

# series_patches DIR: the patches of DIR/series, in order, one a line.
series_patches ()
{
    [ ! -e "$1/series" ] || sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1/series"
}

# Directories with patches of a component; the newest base is the last.
patches_dir ()
{
    local last
    # shellcheck disable=SC2154 # the sourcing script sets top
    last=$(cd "$top/$1-patches" && printf '%s\n' [0-9]*/BASE | sort -V | tail -n 1)
    [ -e "$top/$1-patches/$last" ] || die "no BASE in '$top/$1-patches'"
    echo "$top/$1-patches/${last%/BASE}"
}

# component_files COMPONENT: the files of ours that upstream does not have, by the
# path they take in its source, one a line.
component_files ()
{
    [ ! -d "$top/$1-patches/files" ] || (cd "$top/$1-patches/files" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)
}

# lay_files COMPONENT TREE: puts them into upstream's source.  One that is there is
# upstream's: what is to be changed in it belongs into a patch.
lay_files ()
{
    local file
    while read -r file; do
        if [ -e "$2/$file" ]; then
            echo "upstream has a file of its own: $file"
            return 1
        fi
        mkdir -p "$(dirname "$2/$file")" && cp -p "$top/$1-patches/files/$file" "$2/$file" || return 1
    done < <(component_files "$1")
}

sha256_of ()
{
    sha256sum "$1" | cut -d' ' -f1
}

# extract TARBALL DIR: the tarball's single top directory becomes DIR.  Owned by
# the caller whatever the archive says.  QEMU's guest firmware sources are
# 29,000 files that nothing here builds.
extract ()
{
    rm -rf "$2"
    mkdir -p "$2" &&
        tar --extract --file "$1" --directory "$2" --strip-components=1 --no-same-owner \
            --exclude='*/roms/edk2' --exclude='*/roms/u-boot' --exclude='*/roms/opensbi' \
            --exclude='*/roms/skiboot' --exclude='*/roms/SLOF' --exclude='*/roms/openbios' \
            --exclude='*/roms/ipxe' --exclude='*/roms/seabios*'
}

# patch_source COMPONENT PATCHES-DIR TREE: our files, then the series.
patch_source ()
{
    lay_files "$1" "$3" && apply_series "$2" "$3"
}

# apply_series PATCHES-DIR TREE: every patch applies exactly or none counts.
apply_series ()
{
    local patch
    while read -r patch; do
        if [ ! -r "$1/$patch" ]; then
            echo "missing patch: $1/$patch is in series but not there"
            return 1
        fi
        echo "== $patch"
        if ! patch -d "$2" -p1 -F0 --batch --forward --no-backup-if-mismatch <"$1/$patch"; then
            echo "patch does not apply: $patch"
            return 1
        fi
    done < <(series_patches "$1")
}
