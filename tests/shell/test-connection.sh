#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# connect, uri, read-only connections.
. "$(dirname "$0")/lib.sh"

ok uri; equal test:///default "$out"
make_domains 2; second=$test_uri; test_uri=test:///default
ok "connect $second; uri; list --all --name"
like "test://*
domain-with-a-rather-long-name-001*" "$out"
refused 1 'failed to connect to nonsense:///x: ' 'connect nonsense:///x; echo not'
equal '' "$out"
# Going back works after a failure, in a program that goes on.
ok 'connect --readonly; uri'; equal test:///default "$out"

# Each way in that does not work says which and why, once.
for uri in nonsense:///x test:///nonexistent/file "qemu+unix:///system?socket=$tmp/none" qemu+tcp://127.0.0.1:1/system; do
    test_uri=$uri refused 1 "failed to connect to $uri: " list
done
