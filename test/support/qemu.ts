// Runs bare-metal images in QEMU 10 with the same instruction set as ours.

import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, RunOptions } from '../lockstep/engine.ts'
import { qemuSystem } from './tools.ts'

/**
 * Our hart in QEMU's words. Switched off: the hypervisor extension, debug triggers, performance counters and pointer
 * masking, none of which we have.
 */
// biome-ignore format: a table
export const CPU = [
  'rv64', 'h=off', 'v=off', 'zihpm=off', 'debug=off', 'zfh=off', 'svvptc=off',
  'zicntr=on', 'zba=on', 'zbb=on', 'zbs=on', 'zbc=on', 'zicond=on', 'zicbom=on', 'zicbop=on', 'zicboz=on', 'zawrs=on',
  'zfa=on', 'zfhmin=on', 'sstc=on', 'svinval=on', 'svnapot=on', 'svpbmt=on', 'svadu=on', 'sv57=on',
].join(',')

const RAM = 0x8000_0000
const PATIENCE_MS = 300_000

/** QEMU as a lockstep engine: its RAM is a file, which is read after the guest has powered off. */
export function qemuEngine(): Engine {
  const command = qemuSystem()
  return { name: 'QEMU', run: (image, options) => runInQemu(command, image, options) }
}

async function runInQemu(command: string[], image: Uint8Array, options: RunOptions): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-qemu-'))
  try {
    const ram = join(folder, 'ram')
    writeFileSync(ram, image)
    truncateSync(ram, options.memoryBytes)
    // With one hart QEMU splits an AMO into a load and a store, each with page-table updates and faults of its own.
    // biome-ignore format: a command line
    const args = [
      '-M', 'virt,memory-backend=ram', '-cpu', CPU, '-smp', '2', '-m', `${options.memoryBytes / 2 ** 20}M`,
      '-object', `memory-backend-file,id=ram,mem-path=${ram},size=${options.memoryBytes},share=on`,
      '-bios', 'none', '-display', 'none', '-serial', 'none', '-monitor', 'none', '-nodefaults',
    ]
    await start(command, args)
    const log = new Uint8Array(options.logBytes)
    const file = openSync(ram, 'r')
    readSync(file, log, 0, log.length, options.logAddress - RAM)
    closeSync(file)
    return log
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function start(command: string[], args: string[]): Promise<void> {
  const [program, ...first] = command
  return new Promise((resolve, reject) => {
    const child = spawn(program as string, [...first, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    // A test that is ended from outside must leave no orphan that runs on for ever.
    const end = () => child.kill('SIGKILL')
    const endAll = () => {
      end()
      process.exit(143)
    }
    process.once('exit', end)
    process.once('SIGTERM', endAll)
    let errors = ''
    child.stderr.on('data', (data: Buffer) => {
      errors += data.toString()
    })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('QEMU did not finish the image within five minutes'))
    }, PATIENCE_MS)
    child.on('error', reject)
    child.on('exit', (code) => {
      clearTimeout(timer)
      process.off('exit', end)
      process.off('SIGTERM', endAll)
      if (code === 0) resolve()
      else reject(new Error(`QEMU failed with code ${code}: ${errors.trim()}`))
    })
  })
}
