// Debian guests on networks: the distribution's own clients on its own kernel, in a machine in the background, and one shell
// in each that obeys the test.

import * as assert from 'uvu/assert'
import { withProgress } from '../../cli/work.ts'
import { pullUserland } from '../../guests/userland/pull.ts'
import { APPEND, debian, withScript } from '../boot/guests.ts'
import { Talk } from '../boot/talk.ts'
import { orSkip } from '../boot/userland/session.ts'
import { file, folder } from '../cli/lab.ts'
import { ORLOP, orlop } from '../cli/orlop.ts'

/** Far more than anything here takes on a slow computer that has much else to do. */
const PATIENCE_MS = 600_000

/** The initramfs asks for an address, too; what it would do with one is left out. */
const NO_DHCP = { 'lib/udhcpc': '#!/bin/sh\n' }

/** Into the Debian on the first disk. Its /etc and /var are copies, because several guests read one disk. */
const ENTER = `set -e
# It is on its way in the background.
until killall udhcpc 2>/dev/null; do sleep 1; done
# So a system is called that is to be told its name by DHCP.
echo localhost >/proc/sys/kernel/hostname
ip link set eth0 down
mount -t ext4 -o ro,noload /dev/vda /mnt
mkdir /tmp/etc /tmp/var
cp -a /mnt/etc/. /tmp/etc/
for part in etc var; do mount --bind /tmp/$part /mnt/$part; done
for part in tmp run; do mount -t tmpfs $part /mnt/$part; done
for part in proc sys dev; do mount --bind /$part /mnt/$part; done
mkdir -p /mnt/var/lib/dhcpcd
cp /obey /bin/busybox /mnt/run/
exec chroot /mnt /bin/bash /run/obey`

/** Obeys lines from the console: a number, then a command. Its output and its status stand between marks with the number. */
export const OBEY = `export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C TERM=dumb
cd /tmp
stty -echo
echo "ready to obey"
while read -r number command; do
  echo "[$number["
  eval "$command" </dev/null 2>&1
  echo "]$number]$?."
done
`

export interface Debian {
  kernel: string
  initrd: string
  disk: string
}

/** The Debian with clients; undefined, after one line that says why, where a user's machine cannot have it. */
export async function debianWithClients(): Promise<Debian | undefined> {
  const guest = await debian()
  const system = guest && (await orSkip(withProgress((work) => pullUserland('network', work))))
  if (system === undefined) return undefined
  const { kernel, initrd } = withScript(guest!, folder, ENTER, { ...NO_DHCP, obey: OBEY })
  return { kernel, initrd, disk: system.disk }
}

/** Such a guest as a fleet file has it, with more of its fields. */
export function guestText({ kernel, initrd, disk }: Debian, fields: string, memory = '160M'): string {
  const append = `${APPEND} orlop.run=/test`
  return `{ kernel: ${kernel}, initrd: ${initrd}, disks: ["${disk},ro"], memory: ${memory}, append: "${append}", ${fields} }`
}

/** A fleet file for a machine of this name. */
export function fleet(name: string, networks: string, guests: string[], more = ''): string {
  const machine = `machine: { name: ${name}, cpus: 2, memory: 768M }`
  return file(`${name}.yaml`, `${machine}\nnetworks:\n  ${networks}\nguests:\n  ${guests.join('\n  ')}\n${more}\n`)
}

/** The shell of one guest. */
export class Shell {
  private number = 0

  /** Default of `talk`: with the guest's console. */
  constructor(
    machine: string,
    readonly guest: string,
    private readonly talk = new Talk([process.execPath, ORLOP, 'console', '--stay', '--machine', machine, guest], {
      patienceMs: PATIENCE_MS,
    }),
  ) {}

  /** Waits until the guest has come so far. */
  async ready(): Promise<this> {
    await this.talk.hear(/ready to obey/)
    return this
  }

  /** Has it do a command; gives its output and its status. */
  async tries(command: string): Promise<{ status: number; output: string }> {
    const number = ++this.number
    this.talk.type(`${number} ${command}\n`)
    await this.talk.hear(new RegExp(`\\[${number}\\[\\n`))
    const said = await this.talk.hear(new RegExp(`\\]${number}\\]\\d+\\.`))
    const [, output = '', status] = /^([\s\S]*)\]\d+\](\d+)\.$/.exec(said)!
    return { status: Number(status), output: output.trimEnd() }
  }

  /** Has it do a command that must end well; gives its output. */
  async does(command: string): Promise<string> {
    const { status, output } = await this.tries(command)
    if (status !== 0) throw new Error(`${this.guest}: ${command}\nended with ${status}:\n${output}`)
    return output
  }

  /** Gets addresses for eth0 from whoever gives them there, as a Debian does: by dhcpcd. */
  async getAddresses(): Promise<void> {
    await this.does('dhcpcd --quiet --waitip=4 --waitip=6 --timeout 240 eth0')
  }

  /** Its address on eth0 that others can reach. */
  async address(family: 4 | 6): Promise<string> {
    const told = await this.does(`ip -c=never -${family} -o address show dev eth0 scope global`)
    const match = /inet6? ([^/ ]+)\//.exec(told)
    if (match === null) throw new Error(`${this.guest} has no address of IPv${family}: ${told}`)
    return match[1]!
  }

  /** Leaves the guest as it is. */
  close(): void {
    this.talk.kill('SIGKILL')
  }
}

/**
 * Has it ping three times, all of which must be answered. They may be late: by itself ping would wait for the last answer no longer
 * than for the others, or than to the next; with a deadline it sends more until it has three.
 */
export async function pings(from: Shell, to: string, options: string): Promise<void> {
  const said = await from.does(`ping -c 3 -i 0.2 -w 120 ${options} ${to}`)
  const answered = [...said.matchAll(/icmp_seq=(\d+) /g)].map((match) => Number(match[1]))
  assert.equal(answered, [1, 2, 3], said)
}

/** Lets the test talk to guests of a machine; then takes the machine away. */
export async function withShells(
  machine: string,
  guests: string[],
  visit: (...shells: Shell[]) => Promise<void>,
): Promise<void> {
  const shells = guests.map((guest) => new Shell(machine, guest))
  try {
    await Promise.all(shells.map((shell) => shell.ready()))
    await visit(...shells)
  } finally {
    for (const shell of shells) shell.close()
    orlop(['down', '--machine', machine, '--timeout', '0'])
  }
}
