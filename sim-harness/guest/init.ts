/**
 * `/init` of the lab guest: PID 1, a shell script for busybox. Kernel command line:
 * `shoal.ip=10.0.0.2/24` address of eth0, `shoal.gateway=10.0.0.1`, `shoal.load=20` and `shoal.fill=64` (percent, MiB:
 * at work from the start), `shoal.disk=/dev/vda` (records on an ext4 disk from the start), `shoal.seed=7`,
 * `shoal.root=/dev/vda` (a root disk for jobs, disk.ts, at /guest; the guest's own root stays this initramfs).
 */

/** Modules in the order of their dependencies; ext4 is built into the kernel. */
export const MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_mmio',
  'failover',
  'net_failover',
  'virtio_net',
  'virtio_blk',
  // The power button, so that `system_powerdown` ends the guest cleanly.
  'evdev',
  'button',
] as const;

/**
 * The kernel command line of every lab guest, before its own words. `no_timer_check`: the kernel counts ticks of its timer
 * against a busy loop when it boots, and panics when there were too few, which an emulated guest on a crowded machine
 * cannot help (kernel-parameters.txt; libguestfs boots its own guests so).
 */
export const CMDLINE = 'console=ttyS0 quiet no_timer_check';

/** Said on the console when the workload is about to start. */
export const READY_LINE = 'shoal guest ready';

export const INIT_SCRIPT = `#!/bin/sh
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko"; done </lib/modules/order

arguments=
for word in $(cat /proc/cmdline); do
  value=\${word#*=}
  case $word in
    shoal.ip=*) address=$value ;;
    shoal.gateway=*) gateway=$value ;;
    shoal.root=*) root=$value ;;
    shoal.load=* | shoal.fill=* | shoal.disk=* | shoal.seed=*)
      name=\${word#shoal.}
      arguments="$arguments --\${name%%=*} $value" ;;
  esac
done

ip link set lo up
if [ -n "$address" ]; then
  ip addr add "$address" dev eth0 && ip link set eth0 up
  [ -z "$gateway" ] || ip route add default via "$gateway"
fi

if [ -n "$root" ]; then
  # Without times of access: what a job only reads costs no writing.
  mount -t ext4 -o noatime "$root" /guest &&
    mount -t proc proc /guest/proc && mount -t sysfs sys /guest/sys &&
    mount -t devtmpfs dev /guest/dev && mount -t tmpfs tmp /guest/tmp ||
    echo "shoal.root=$root cannot be mounted"
fi

# busybox acpid ends when its log cannot be written, and /var/log is not there.
acpid -f -l /dev/null >/dev/null 2>&1 &
while :; do setsid cttyhack sh </dev/ttyS0 >/dev/ttyS0 2>&1; sleep 1; done &

# Without a second serial port the guest works as the command line says, and nobody can ask it anything.
port=/dev/ttyS1
grep -q '^1: uart:unknown' /proc/tty/driver/serial && port=none
echo '${READY_LINE}'
while :; do
  # Arguments are split on purpose.
  shoal-workload --port $port $arguments
  sleep 1
done
`;

/** `/bin/shoal-job NAME`, run by the workload: becomes the job of that name in the root disk. */
export const JOB_SCRIPT = `#!/bin/sh
exec </dev/null >"/guest/var/log/$1" 2>&1
exec /bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 /bin/chroot /guest "/shoal/jobs/$1"
`;

/** Run by busybox acpid when the power button is pressed. Whoever pressed it waits for 15 s (agent, `POWERDOWN_MS`). */
export const POWER_SCRIPT = `#!/bin/sh
export PATH=/bin
in_guest() { ls -ld /proc/[0-9]*/root 2>/dev/null | sed -n 's|.* /proc/\\([0-9]*\\)/root -> /guest$|\\1|p'; }

# Jobs let go of the root disk: asked for two seconds and more, then by force.
for try in $(seq 60); do
  pids=$(in_guest)
  [ -n "$pids" ] || break
  signal=TERM
  [ "$try" -le 20 ] || signal=KILL
  kill -$signal $pids
  sleep 0.1
done 2>/dev/null
for directory in tmp dev sys proc .; do umount "/guest/$directory"; done 2>/dev/null

killall shoal-workload
for directory in /mnt/*; do [ -d "$directory" ] && umount "$directory"; done
sync
poweroff -f
`;
