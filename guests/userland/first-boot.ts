// What the packages' scripts and the installer leave in a new Debian, as far as a first boot to a login prompt needs it.

import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readAccounts } from './accounts.ts'

/** What pam-auth-update makes of libpam-modules' and libpam-systemd's profiles. */
const PAM: Record<string, string[]> = {
  'common-auth': ['auth required pam_unix.so nullok'],
  'common-account': ['account required pam_unix.so'],
  'common-password': ['password required pam_unix.so obscure yescrypt'],
  'common-session': ['session required pam_unix.so', 'session optional pam_systemd.so'],
  'common-session-noninteractive': ['session required pam_unix.so'],
}

/** Files below the root that no package brings. */
const FILES: Record<string, string> = {
  'etc/hostname': 'orlop\n',
  'etc/hosts': '127.0.0.1 localhost orlop\n::1 localhost\n',
  'etc/fstab': '/dev/vda / ext4 defaults 0 0\n',
  // One for all guests of this disk, so that none is at its first boot and presets every unit.
  'etc/machine-id': '6f726c6f7020726f6f74206469736b21\n',
  'etc/adjtime': '0.0 0 0.0\n0\nUTC\n',
  'etc/shells': '/bin/sh\n/bin/bash\n',
  'etc/locale.conf': 'LANG=C.UTF-8\n',
}

/** Links below the root: what alternatives and `systemctl enable` would have made. */
const LINKS: Record<string, string> = {
  'usr/bin/awk': 'mawk',
  'etc/systemd/system/default.target': '/usr/lib/systemd/system/multi-user.target',
  'etc/mtab': '../proc/self/mounts',
}

/** What the script of base-files copies. */
const COPIES: Record<string, string> = {
  'etc/profile': 'usr/share/base-files/profile',
  'root/.profile': 'usr/share/base-files/dot.profile',
  'root/.bashrc': 'usr/share/base-files/dot.bashrc',
}

/** Makes an unpacked root one that systemd can boot to a login prompt on the serial console. */
export async function prepareFirstBoot(root: string): Promise<void> {
  const accounts = await readAccounts(root)
  const pam = Object.entries(PAM).map(([name, lines]) => [`etc/pam.d/${name}`, `${lines.join('\n')}\n`] as const)
  const files = [
    ...Object.entries(FILES),
    ...pam,
    ...Object.entries(accounts).map(([name, text]) => [`etc/${name}`, text] as const),
  ]
  for (const [path, text] of files) {
    const mode = /shadow$/.test(path) ? 0o640 : 0o644
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text, { mode })
  }
  for (const [path, model] of Object.entries(COPIES)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await copyFile(join(root, model), join(root, path))
  }
  for (const [path, target] of Object.entries(LINKS)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await symlink(target, join(root, path))
  }
  // systemd takes /etc and /var for older than /usr without these, and rebuilds databases at the first boot.
  for (const folder of ['etc', 'var']) await writeFile(join(root, folder, '.updated'), '')
}
