# SPDX-License-Identifier: GPL-2.0-or-later
# For readers of the tree; what a user of the installed programs needs is in man/.

dist_doc_DATA += docs/benchmarks.md docs/engine.md docs/tutorial.md
