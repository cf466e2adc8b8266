/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several programs of these tests need. */

#ifndef COMMON_H
#define COMMON_H

/* The directory with all that is in it; links are not followed. */
void remove_tree (const char *path);

#endif
