// The two machines that programs are compared in, as commands: the same kernel, file system and memory.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pullBusybox, pullDebian } from '../guests/debian/pull.ts'
import { type Entry, writeCpio } from '../guests/initramfs/cpio.ts'
import { findLean } from '../guests/linux/build.ts'
import { qemuSystem } from '../test/support/tools.ts'
import { buildForGuest } from './binaries.ts'
import type { BenchOptions } from './options.ts'
import { orlopCommand } from './orlop.ts'
import { scratchFile } from './scratch.ts'

/** What both machines start. */
export interface System {
  kernel: string
  initrd: string
  append: string
  memory: string
}

/** The command that starts a system in Orlop. */
export function inOrlop({ kernel, initrd, append, memory }: System, translator?: string): string[] {
  const words = ['--kernel', kernel, '--initrd', initrd, '--append', append, '--memory', memory]
  return orlopCommand(words, translator)
}

/**
 * The command that starts the same in QEMU, on the hart that it offers by itself, which is its fastest: without Svvptc,
 * for one, Linux flushes at every page fault, which then costs three times as much.
 */
export function inQemu({ kernel, initrd, append, memory }: System): string[] {
  const machine = ['-M', 'virt', '-m', memory, '-nodefaults', '-display', 'none', '-no-reboot']
  const system = ['-kernel', kernel, '-initrd', initrd, '-append', append]
  return [...qemuSystem(), ...machine, '-serial', 'stdio', '-monitor', 'none', ...system]
}

/** The reference, as a report names it. */
export function qemuVersion(): string {
  const [program = '', ...words] = qemuSystem()
  const version = execFileSync(program, [...words, '--version'], { encoding: 'utf8' })
  return `QEMU ${version.match(/version ([\d.]+)/)?.[1]} TCG`
}

/**
 * The system whose init runs programs on request; they lie in its root, with busybox and its scripts. `init` is a program of
 * bench/programs/linux.
 */
export async function benchSystem(
  programs: string[],
  progress: BenchOptions['progress'],
  init = 'init',
): Promise<System> {
  const report = ({ step }: { step: string }) => progress(step)
  let kernel = (await findLean())?.kernel
  if (kernel === undefined) {
    progress('There is no lean kernel ("orlop build-kernel" makes one), so Debian\'s is used.')
    kernel = (await pullDebian({ report })).kernel
  }
  const executable = (path: string, from: string): Entry => ({
    path,
    type: 'file',
    content: readFileSync(from),
    mode: 0o755,
  })
  const entries: Entry[] = [
    { path: 'dev', type: 'folder' },
    { path: 'dev/console', type: 'device', major: 5, minor: 1 },
    { path: 'dev/null', type: 'device', major: 1, minor: 3, mode: 0o666 },
    { path: 'dev/zero', type: 'device', major: 1, minor: 5, mode: 0o666 },
    executable('init', buildForGuest(init)),
    ...programs.map((name) => executable(name, buildForGuest(name))),
    executable('busybox', await pullBusybox({ report })),
    executable('words.awk', fileURLToPath(new URL('./programs/linux/words.awk', import.meta.url))),
  ]
  const initrd = scratchFile('initrd')
  writeFileSync(initrd, writeCpio(entries))
  return { kernel, initrd, append: 'console=ttyS0 quiet cryptomgr.notests', memory: '256M' }
}
