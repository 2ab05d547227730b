// The root file systems that can be made, each from Debian packages by name.
//
// Nothing is installed: packages are unpacked, and what their scripts would have done is not done, or done by the
// recipe (first-boot.ts). So what only those scripts need is left out, and so is what nobody reads.

import { createHash } from 'node:crypto'
import type { Selection } from './closure.ts'
import { prepareFirstBoot } from './first-boot.ts'

export interface System extends Selection {
  /** Changes when the recipe makes something else of the same packages. */
  edition: number
  /** Paths below the root that are not needed. */
  drop: string[]
  /** Size of the disk. */
  diskMib: number
  /** Adds to the unpacked root what the packages' scripts would have added. */
  prepare?(root: string): Promise<void>
}

export type SystemName = 'programs' | 'network' | 'systemd'

/**
 * Libraries of the packages that Debian calls essential. Those name them as Pre-Depends, which our records do not
 * hold.
 */
const ESSENTIAL_LIBRARIES = [
  ...['libacl1', 'libattr1', 'libc6', 'libcap2', 'libcrypt1', 'libgmp10', 'liblzma5', 'libmd0', 'libpcre2-8-0'],
  ...['libselinux1', 'libssl3t64', 'libsystemd0', 'libtinfo6', 'libzstd1', 'zlib1g'],
]

/** Packages, virtual ones among them, that are there for installing, or for people to read. */
const FOR_INSTALLING = [
  ...['adduser', 'awk', 'base-passwd', 'debconf', 'dpkg', 'init-system-helpers', 'install-info'],
  ...['media-types', 'perlapi-5.40.1', 'python3-minimal', 'readline-common', 'tar', 'tzdata'],
]

const FOR_READING = ['usr/share/doc', 'usr/share/info', 'usr/share/locale', 'usr/share/man']

export const SYSTEMS: Record<SystemName, System> = {
  // Compilers, interpreters and other programs whose output is known.
  programs: {
    edition: 3,
    packages: [
      ...['base-files', 'coreutils', 'dash', 'grep', 'gzip', 'mawk', 'openssl', 'sed', 'xz-utils'],
      ...['gcc', 'libc6-dev', 'libpython3.13-testsuite', 'luajit', 'make', 'nodejs', 'perl', 'python3'],
      ...ESSENTIAL_LIBRARIES,
    ],
    without: [
      ...FOR_INSTALLING,
      ...['libasan8', 'libhwasan0', 'liblsan0', 'libtsan2', 'libubsan1', 'net-tools', 'node-corepack'],
    ],
    drop: [...FOR_READING, 'usr/bin/riscv64-linux-gnu-lto-dump-14', 'usr/libexec/gcc/riscv64-linux-gnu/14/lto1'],
    diskMib: 640,
  },
  // Clients, and a few servers, of networks.
  network: {
    edition: 1,
    packages: [
      ...['base-files', 'bash', 'coreutils', 'dash', 'grep', 'libc-bin', 'procps', 'sed', 'util-linux'],
      ...['curl', 'dhcpcd-base', 'ethtool', 'iperf3', 'iproute2', 'iputils-ping', 'netcat-openbsd'],
      ...ESSENTIAL_LIBRARIES,
    ],
    without: FOR_INSTALLING,
    drop: FOR_READING,
    diskMib: 192,
  },
  // A whole Debian that boots to a login prompt.
  systemd: {
    edition: 3,
    packages: [
      ...['base-files', 'bash', 'coreutils', 'dash', 'grep', 'libc-bin', 'mawk', 'procps', 'sed', 'util-linux'],
      ...['dbus', 'kmod', 'login', 'login.defs', 'mount', 'passwd', 'systemd', 'systemd-sysv', 'udev'],
      ...['libpam-modules', 'libpam-modules-bin', 'libpam-runtime', 'libpam-systemd'],
      ...ESSENTIAL_LIBRARIES,
      ...['libdb5.3t64', 'liblastlog2-2', 'libsmartcols1', 'libuuid1'],
    ],
    without: [...FOR_INSTALLING, 'default-dbus-system-bus', 'default-logind'],
    drop: FOR_READING,
    diskMib: 256,
    prepare: prepareFirstBoot,
  },
}

/** Names what the recipe of a system makes: another recipe has another edition. */
export function editionOf(system: System): string {
  return createHash('sha256').update(JSON.stringify(system)).digest('hex').slice(0, 8)
}
