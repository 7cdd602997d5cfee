#!/bin/sh
# Process 1 of an emulated machine: devices, disk, network, sshd. Its system lies in memory, its disk is /home, and the
# folder that its firmware boots from is /boot/firmware, as on a Raspberry Pi.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
chmod 755 / # the kernel makes it writable for all, and sshd refuses keys then
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /boot/firmware /home /run/sshd
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for module in $(cat /modules/order); do insmod "/modules/$module.ko"; done
mount -t 9p -o trans=virtio,version=9p2000.L boot /boot/firmware
mount -t ext4 /dev/vda /home
hostname -F /boot/firmware/hostname
ip link set lo up
# No default route: what is not on this prefix cannot be sent.
ip address add 198.18.1.15/24 dev eth0
ip link set eth0 up
mkdir -p -m 700 /home/board
install -m 600 /boot/firmware/host_key /boot/firmware/login_key.pub /etc/ssh/
cat > /etc/ssh/sshd_config <<CONFIG
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/login_key.pub
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
UseDNS no
Subsystem sftp internal-sftp
CONFIG
echo "the machine is up"
/usr/sbin/sshd -D -e
