// The machine of `npm start`: four Debian guests with different work and weights, as a fleet file.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Disk } from './disk.ts'

export interface DemoGuest {
  name: string
  /** What it does, for the banner. */
  purpose: string
  weight: number
  harts: number
  memory: string
  /** A shell command that works in the background; the console gets a shell. Without double quotes: it is a kernel's word. */
  work?: string
}

/** What the guests do. Each leaves the number of rounds it has done in /tmp/rounds, which is how it is known that it works. */
export const GUESTS: DemoGuest[] = [
  {
    name: 'web',
    purpose: 'an HTTP server and a client that fetches from it; twice the usual weight, two harts',
    weight: 512,
    harts: 2,
    memory: '128M',
    work: 'cd /tmp; echo It works. >index.html; httpd; n=0; while wget -qO- http://127.0.0.1/ >/dev/null; do n=$((n+1)); echo $n >rounds; done',
  },
  {
    name: 'batch',
    purpose: 'checksums without a pause',
    weight: 256,
    harts: 1,
    memory: '96M',
    work: 'n=0; while dd if=/dev/zero bs=64k count=16 2>/dev/null | sha256sum >/tmp/sum; do n=$((n+1)); echo $n >/tmp/rounds; done',
  },
  {
    name: 'store',
    purpose: 'rows written to its disk and synced, ten a second',
    weight: 256,
    harts: 1,
    memory: '96M',
    work: 'mount /dev/vda /mnt && n=0; while [ -e /mnt/letter.txt ]; do n=$((n+1)); echo $n >/mnt/rows; sync; echo $n >/tmp/rounds; sleep 0.1; done',
  },
  { name: 'desk', purpose: 'idle: a shell that waits for you', weight: 256, harts: 1, memory: '96M' },
]

export interface System {
  kernel: string
  initrd: string
}

/** Writes the fleet file into `folder`; its path. A disk without a file system is left out of it. */
export async function writeFleet(folder: string, name: string, system: System, disk: Disk): Promise<string> {
  const guests = GUESTS.map(({ name, weight, harts, memory, work }) => ({
    name,
    memory,
    harts,
    weight,
    ...system,
    append: ['cryptomgr.notests quiet', ...(work === undefined ? [] : [`orlop.run="(${work}) & exec sh -l"`])].join(
      ' ',
    ),
    ...(name === 'store' && { disks: [disk.path] }),
  }))
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'fleet.yaml')
  await writeFile(path, stringify({ machine: { name }, guests }))
  return path
}
