# SPDX-License-Identifier: GPL-2.0-or-later

dist_bashcomp_DATA += bash-completion/vthunder
