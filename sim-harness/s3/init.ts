/** `/init` of a machine that is a node: it mounts the agent's disk and its state, and runs the agent again whenever it ends. */

/** Where the agent is on its disk, and its configuration on that of its state. */
export const AGENT = '/shoal/node_modules/@shoal/agent/dist';
export const STATE = '/var/lib/shoal';
export const CONFIG = `${STATE}/shoal.yaml`;
/** Said on the console before the agent starts. */
export const UP_LINE = 'shoal node up';

/** Kernel words: `shoal.ip=198.18.0.50/24`. The second serial port is a shell for whoever tests it. */
export const INIT_SCRIPT = `#!/bin/sh
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko"; done </lib/modules/order
for word in $(cat /proc/cmdline); do
  case $word in shoal.ip=*) address=\${word#*=} ;; esac
done
ip link set lo up
ip addr add "$address" dev eth0 && ip link set eth0 up
mount -t ext4 -o ro /dev/vda /node
mount -t ext4 /dev/vdb "/node${STATE}"
for directory in proc sys dev; do mount -o bind "/$directory" "/node/$directory"; done
mkdir -p /dev/shm
for directory in tmp run dev/shm; do mount -t tmpfs tmp "/node/$directory"; done
echo deep >/sys/power/mem_sleep
while :; do setsid sh -c 'exec chroot /node /bin/sh </dev/ttyS1 >/dev/ttyS1 2>&1'; sleep 1; done &
while :; do
  echo '${UP_LINE}'
  chroot /node /usr/bin/node --max-old-space-size=128 ${AGENT}/main.js --config ${CONFIG} >/dev/ttyS0 2>&1
done
`;
