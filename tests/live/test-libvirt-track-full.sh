#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A base that is not the latest dump as it was written gives a full dump and the reason.
# shellcheck source=tests/live/lib.sh
. "$(dirname "$0")/lib.sh"
need_libvirt
create_domain "$(unique_domain)" 384 1 ""
need_dump_argument track base
# expect_full BASE TEXT: a dump on BASE is a full one, for a reason that has TEXT.
expect_full ()
{
    rm -f "$image"
    virsh -q dump --thunder --track --base "$1" "$domain" "$image" || fail "a dump on $1 fails"
    say "full: $(dump_stat full_reason)"
    dump_stat full_reason | grep -q -- "$2" || fail "the reason does not say '$2'"
    [ "$(dump_stat pages_dirty)" = "$(dump_stat pages_total)" ] || fail "not all pages"
    check_image "$image" --note --nonce "$nonce"
}
echo "something else" >"$tmp/else"
expect_full "$tmp/else" "not tracked"
expect_full "$tmp/else" "not the latest"
cp --preserve=all "$image" "$tmp/copy"
expect_full "$tmp/copy" "not the latest"
mv "$image" "$tmp/one"
touch "$tmp/one"
expect_full "$tmp/one" "modified"
mv "$image" "$tmp/one"
truncate -s +4096 "$tmp/one"
expect_full "$tmp/one" "modified"
expect_full "$tmp" "not the latest"
# What cannot be opened, and the target itself, are mistakes.
refused_dump "cannot open" "$tmp/two" --thunder --base "$tmp/missing"
ln -s "$tmp/one" "$tmp/link"
refused_dump "cannot open" "$tmp/two" --thunder --base "$tmp/link"
cp "$image" "$tmp/before"
refused_dump "build on it" "$image" --thunder --base "$image"
ln "$image" "$tmp/hardlink"
refused_dump "build on it" "$image" --thunder --base "$tmp/hardlink"
cmp "$image" "$tmp/before" || fail "the target was changed"
# None of that ended the tracking.
rm "$tmp/hardlink"
mv "$image" "$tmp/one"
virsh -q dump --thunder --base "$tmp/one" "$domain" "$image"
[ -z "$(dump_stat full_reason)" ] || fail "a full dump: $(dump_stat full_reason)"
# What an overlay builds on can't be replaced by what builds on the overlay.
rm -f "$image"
virsh -q dump --thunder --track "$domain" "$tmp/one"
virsh -q dump --thunder --track --base "$tmp/one" --storage overlay "$domain" "$tmp/two"
[ "$(dump_stat storage)" = overlay ] || fail "not an overlay"
cp "$tmp/one" "$tmp/before"
refused_dump "two' builds on it" "$tmp/one" --thunder --track --base "$tmp/two" --storage overlay
cmp "$tmp/one" "$tmp/before" || fail "the base was changed"
# And once it was replaced otherwise the overlay is nothing to build on.
virsh -q dump --thunder "$domain" "$tmp/one"
expect_full "$tmp/two" "one', which .*two' builds on, was modified"
rm "$tmp/one"
virsh -q dump --thunder --track "$domain" "$tmp/one"
virsh -q dump --thunder --track --base "$tmp/one" --storage overlay "$domain" "$tmp/two"
rm "$tmp/one"
expect_full "$tmp/two" "builds on is missing"
# Only ELF files can be built on.
refused_dump "not supported with dumpformat" "$tmp/three" --thunder --track --format kdump-zlib
assert_domain_dumps
