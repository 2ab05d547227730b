// The guests of this room boot in QEMU: what init promises, seen from inside. Needs the network for the first pull.

import { execFileSync, spawn } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Pulled, pullDebian } from '../../guests/debian/pull.ts'
import { lean } from '../boot/guests.ts'
import { qemuSystem, requireOracle, requireTool } from '../support/tools.ts'
import { inScratch } from './scratch.ts'

interface Boot {
  guest: Pick<Pulled, 'kernel' | 'initrd'>
  memory: string
  append: string
  disk?: string
  /** Sent to the console once it shows a prompt. */
  input?: string
}

/** Boots in QEMU until the machine is switched off; gives the console's text. */
async function boot(qemu: string[], { guest, memory, append, disk, input }: Boot): Promise<string> {
  const [program = '', ...first] = qemu
  const devices = ['-netdev', 'user,id=n', '-device', 'virtio-net-device,netdev=n', '-device', 'virtio-rng-device']
  if (disk !== undefined)
    devices.push('-drive', `file=${disk},format=raw,if=none,id=d`, '-device', 'virtio-blk-device,drive=d')
  const boot = ['-kernel', guest.kernel, '-initrd', guest.initrd, '-append', append]
  const child = spawn(program, [...first, '-M', 'virt', '-m', memory, '-nographic', '-no-reboot', ...boot, ...devices])
  const timer = setTimeout(() => child.kill(), 120_000)
  let text = ''
  let waiting = input
  for await (const chunk of child.stdout) {
    text += chunk
    if (waiting !== undefined && text.includes('~ # ')) {
      child.stdin.write(waiting)
      waiting = undefined
    }
  }
  clearTimeout(timer)
  return text.replaceAll('\r', '')
}

const COMMAND = [
  'cat /proc/modules 2>/dev/null',
  'mount /dev/vda /mnt && echo hello > /mnt/file && echo mounted',
  'i=0; while [ $i -lt 600 ] && ! grep -q nameserver /etc/resolv.conf 2>/dev/null; do usleep 100000; i=$((i+1)); done',
  'ip -4 addr show eth0',
  'cat /proc/sys/kernel/hostname',
  'ls /dev/pts /proc/self/fd > /dev/null && echo ready',
  'exit 7',
].join('; ')

function bootsTo(
  name: string,
  memory: string,
  find: () => Promise<Pick<Pulled, 'kernel' | 'initrd'> | undefined>,
): void {
  test(
    `${name} mounts ext4, gets an address, tells the command's status and switches off, with ${memory}`,
    inScratch(async (folder) => {
      const qemu = requireOracle(qemuSystem)
      const guest = await find()
      if (qemu === undefined || guest === undefined || !requireTool('mke2fs', 'e2fsprogs')) return
      const disk = join(folder, 'disk')
      await writeFile(disk, '')
      await truncate(disk, 64 << 20)
      execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', disk])
      const text = await boot(qemu, {
        guest,
        memory,
        disk,
        append: `quiet panic=-1 cryptomgr.notests orlop.run="${COMMAND}"`,
      })
      assert.match(text, /^mounted$/m)
      assert.match(text, /^ready$/m)
      assert.match(text, /inet 10\.0\.2\.15\/24/)
      assert.match(text, /^orlop$/m)
      assert.match(text, /^orlop\.run: exit status 7$/m)
      assert.match(text, /reboot: Power down/)
      assert.not.match(text, /Call Trace|not found|can't/)
      execFileSync('e2fsck', ['-fn', disk], { stdio: 'ignore' })
      assert.is(
        execFileSync('debugfs', ['-R', 'cat file', disk], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
        'hello\n',
      )
      // Only what this board needs is loaded before something is mounted.
      const modules = [...text.matchAll(/^(\w+) \d+ \d+ \S+ Live /gm)].map((match) => match[1]).sort()
      const expected = ['failover', 'net_failover', 'virtio_blk', 'virtio_mmio', 'virtio_net', 'virtio_rng']
      assert.equal(modules, name.startsWith('Debian') ? expected : [])
    }),
  )

  for (const leave of ['exit', 'poweroff']) {
    test(`${name} gives a shell, and ${leave} there switches the machine off`, async () => {
      const qemu = requireOracle(qemuSystem)
      const guest = await find()
      if (qemu === undefined || guest === undefined) return
      const text = await boot(qemu, {
        guest,
        memory,
        append: 'quiet panic=-1 cryptomgr.notests',
        input: `echo $((6*7)) $(tty)\n${leave}\n`,
      })
      assert.match(text, /^42 \/dev\/ttyS0$/m)
      assert.match(text, /reboot: Power down/)
    })
  }
}

bootsTo("Debian's kernel", '96M', () => pullDebian())
bootsTo('the lean kernel', '32M', lean)

test.run()
