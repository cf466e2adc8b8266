#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# connect, uri, read-only connections.
. "$(dirname "$0")/lib.sh"

ok uri; equal test:///default "$out"
make_domains 2; second=$test_uri; test_uri=test:///default
ok "connect $second; uri; list --all --name"
like "test://*
domain-with-a-rather-long-name-001*" "$out"
refused 1 'failed to connect' 'connect nonsense:///x; echo not'
equal '' "$out"
# Going back works after a failure, in a program that goes on.
ok 'connect --readonly; uri'; equal test:///default "$out"

ok -r uri
refused 1 read-only -r dump test
refused 1 '' -r path-set test --file-name '{domain}-{time}'
refused 1 read-only -r dump-prune test
