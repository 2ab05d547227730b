// Whole systems from nothing to the first words of their shell or their login, in Orlop and in QEMU.

import { constants, copyFileSync, rmSync } from 'node:fs'
import { pullDebian } from '../guests/debian/pull.ts'
import { findLean } from '../guests/linux/build.ts'
import { systemdMachine } from '../guests/userland/machine.ts'
import { qemuSystem } from '../test/support/tools.ts'
import { costOf } from './cost.ts'
import type { BenchOptions } from './options.ts'
import { type OrlopRun, runOrlop } from './orlop.ts'
import { scratchFile } from './scratch.ts'

export interface Boot {
  /** For people. */
  name: string
  kernel: string
  initrd: string
  append: string
  memory: string
  /** Raw image of its first disk, which stays as it is: each boot gets a copy. Default: no disk. */
  disk?: string
  /** What its console shows in the end. */
  until: string
}

export type BootKind = 'lean' | 'debian' | 'systemd'

/** What the guest's init says when its shell is about to start (guests/initramfs/init). */
const AT_SHELL = 'Leave with "exit"'
const CONSOLE = 'console=ttyS0'

/** A system from the cache; undefined, after a line that says why, where there is none. */
export async function findBoot(kind: BootKind, progress: BenchOptions['progress']): Promise<Boot | undefined> {
  if (kind === 'lean') {
    const lean = await findLean()
    if (lean !== undefined) {
      const { kernel, initrd } = lean
      return { name: 'lean boot', kernel, initrd, append: `${CONSOLE} quiet`, memory: '64M', until: AT_SHELL }
    }
    progress('The lean kernel is left out; build it with "orlop build-kernel" first.')
    return undefined
  }
  let step: string | undefined
  const report = (now: { step: string }) => {
    if (now.step !== step) progress(now.step)
    step = now.step
  }
  const debian = await pullDebian({ report })
  if (kind === 'debian') {
    const append = `${CONSOLE} cryptomgr.notests quiet`
    const { kernel, initrd } = debian
    return { name: 'Debian boot', kernel, initrd, append, memory: '128M', until: AT_SHELL }
  }
  const {
    kernel,
    initrd,
    commandLine: append,
    memoryMib,
    disk,
    prompt: until,
  } = await systemdMachine(debian, { report })
  return { name: 'systemd boot', kernel, initrd, append, memory: `${memoryMib}M`, disk, until }
}

/** Boots the system on our machine, then on the reference; CPU seconds of the latter. */
export async function raceBoot(boot: Boot, translator?: string): Promise<{ ours: OrlopRun; other: number }> {
  const ours = await withDisk(boot, (disk) => runOrlop([...orlopWords(boot, disk), '--until', boot.until], translator))
  const other = await withDisk(boot, (disk) => {
    // Ctrl-A x is how QEMU's console is left.
    let isOver = false
    return costOf([...qemuSystem(), ...qemuWords(boot, disk)], {
      listen(output) {
        if (isOver || !output.includes(boot.until)) return undefined
        isOver = true
        return '\x01x'
      },
    })
  })
  return { ours, other: other.cpuSeconds }
}

function orlopWords({ kernel, initrd, append, memory }: Boot, disk: string | undefined): string[] {
  const linux = ['--kernel', kernel, '--initrd', initrd, '--append', append, '--memory', memory]
  return disk === undefined ? linux : [...linux, '--disk', disk]
}

function qemuWords({ kernel, initrd, append, memory }: Boot, disk: string | undefined): string[] {
  const machine = ['-M', 'virt', '-m', memory, '-nodefaults', '-display', 'none', '-serial', 'mon:stdio']
  const linux = ['-kernel', kernel, '-initrd', initrd, '-append', append]
  if (disk === undefined) return [...machine, ...linux]
  // virtio version 2, as our devices are.
  const modern = ['-global', 'virtio-mmio.force-legacy=false']
  const drive = ['-drive', `file=${disk},format=raw,if=none,id=d`, '-device', 'virtio-blk-device,drive=d']
  return [...machine, ...linux, ...modern, ...drive]
}

/** Lends a fresh copy of the boot's disk, if it has one. */
async function withDisk<T>({ disk }: Boot, body: (disk: string | undefined) => Promise<T>): Promise<T> {
  if (disk === undefined) return body(undefined)
  const copy = scratchFile('disk')
  try {
    copyFileSync(disk, copy, constants.COPYFILE_FICLONE)
    return await body(copy)
  } finally {
    rmSync(copy, { force: true })
  }
}
