#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# README stays short, links between the documents lead somewhere, also to a heading, and every document is linked to.
set -u
cd "${abs_top_srcdir:?}" || exit 99
status=0
complain () { echo "FAIL: $*"; status=1; }

lines=$(wc -l <README.md)
[ "$lines" -le 120 ] || complain "README.md has $lines lines, 120 at most"

# anchors FILE: as the usual renderers make them of headings.
anchors () { sed -n 's/^##* *//p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'; }

documents=(README.md HACKING.md tests/README.md qemu-patches/README.md libvirt-patches/README.md docs/*.md)
linked=' README.md '
checked=0
for file in "${documents[@]}"; do
    while read -r link; do
        case $link in http*://* | mailto:*) continue ;; esac
        target=${link%%#*}
        path=$(realpath -m --relative-to=. "$(dirname "$file")/$target")
        [ -n "$target" ] || path=$file
        checked=$((checked + 1))
        linked+="$path "
        if [ ! -e "$path" ]; then
            complain "$file links to $link, which is not there"
        elif [ "$link" != "$target" ] && ! anchors "$path" | grep -qxF -- "${link#*#}"; then
            complain "$file links to $link, which is no heading there"
        fi
    done < <(grep -o '](\([^)]*\))' "$file" | sed 's/^](//; s/)$//')
done
[ "$checked" -gt 5 ] || complain "only $checked links found: is the pattern right?"
for file in docs/*.md HACKING.md tests/README.md; do
    case $linked in *" $file "*) ;; *) complain "no document links to $file" ;; esac
done
exit "$status"
