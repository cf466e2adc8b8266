# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# A job of somebody else's on the domain: a backup, which lasts until it is ended.  Sourced after lib.sh.

# backup_domain: as shell_domain, with a disk to back up.
backup_domain ()
{
    need jq
    need_libvirt
    own_state
    truncate -s 16M "$tmp/disk"
    create_domain "$(unique_domain)" 256 1 "" "<disk type='file' device='disk'><driver name='qemu' type='raw'/>
        <source file='$tmp/disk'/><target dev='vda' bus='virtio'/></disk>"
    mkdir -m 700 "$tmp/dumps"
    vthunder -q path-set "$domain" "$tmp/dumps"
}

begin_backup ()
{
    echo "<domainbackup mode='pull'><server transport='unix' socket='$tmp/nbd'/></domainbackup>" >"$tmp/backup.xml"
    virsh -q backup-begin "$domain" "$tmp/backup.xml" >"$tmp/backup.log" 2>&1 || fail "backup-begin: $(cat "$tmp/backup.log")"
    backup_runs || fail "there is no backup: $(virsh -q domjobinfo "$domain")"
}

end_backup ()
{
    virsh -q domjobabort "$domain" || fail "the backup can't be ended"
    wait_for 30 no_backup || fail "the backup does not end"
    rm -f "$tmp/nbd"
}

# job_runs NAME: as virsh calls it.
job_runs () { [[ $(virsh -q domjobinfo "$domain") == *Operation:\ *"$1"\ * ]]; }
backup_runs () { job_runs Backup; }
no_backup () { ! backup_runs; }
