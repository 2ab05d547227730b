// Builds the programs of bench/programs/linux: static riscv64 binaries for the guest, and the same sources for this machine.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OUT } from '../build/artefact.ts'
import { OrlopError } from '../cli/error.ts'
import { findProgram } from '../test/support/tools.ts'

const SOURCES = fileURLToPath(new URL('./programs/linux/', import.meta.url))
/** Programs with a `main` of their own; the others are steps for main.c. */
const WHOLE = [
  ...['init', 'seven', 'work', 'hog', 'membomb', 'forkbomb', 'diskhog', 'netflood', 'late', 'net', 'parallel'],
  ...['agent', 'job', 'commit', 'spool'],
]

/** A compiler, its flags, and the Debian package it comes from. */
interface Compiler {
  target: string
  program: string
  flags: string[]
  aptPackage: string
}

const GUEST: Compiler = {
  target: 'riscv64',
  program: 'riscv64-linux-gnu-gcc',
  flags: ['-O2', '-static', '-march=rv64gc', '-mabi=lp64d'],
  aptPackage: 'gcc-riscv64-linux-gnu libc6-dev-riscv64-cross',
}

/** Path of the riscv64 binary of a program. */
export function buildForGuest(name: string): string {
  return build(GUEST, name)
}

/**
 * Path of this machine's binary of a program. RISC-V compilers fuse a multiplication and an addition, which rounds once;
 * the result can only be the same where this machine fuses them, too.
 */
export function buildNative(name: string): string {
  const fuses = canFuse() && process.arch === 'x64' ? ['-mfma'] : []
  const flags = ['-O2', '-static', ...fuses]
  return build({ target: process.arch, program: 'gcc', flags, aptPackage: 'gcc libc6-dev' }, name)
}

/** Whether this machine multiplies and adds in one instruction. */
export function canFuse(): boolean {
  if (process.arch !== 'x64') return process.arch === 'arm64'
  return existsSync('/proc/cpuinfo') && / fma( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
}

function build({ target, program, flags, aptPackage }: Compiler, name: string): string {
  const files = [...(WHOLE.includes(name) ? [] : ['main.c']), `${name}.c`].map((file) => join(SOURCES, file))
  // All sources share a folder, so that a program finds the one that it starts beside it.
  const hash = createHash('sha256').update(JSON.stringify([program, flags]))
  for (const file of readdirSync(SOURCES).sort()) hash.update(file).update(readFileSync(join(SOURCES, file)))
  const folder = join(OUT, 'bench', target, hash.digest('hex').slice(0, 12))
  const path = join(folder, name)
  if (existsSync(path)) return path

  if (findProgram(program) === undefined)
    throw new OrlopError(
      `Cannot build the benchmark's programs without ${program}; run "apt-get install ${aptPackage}".`,
    )
  mkdirSync(folder, { recursive: true })
  // A rename is atomic, so that two benchmarks at once do not disturb each other.
  const work = `${path}.${process.pid}`
  execFileSync(program, [...flags, '-Wall', '-Wextra', '-o', work, ...files], { stdio: 'inherit' })
  renameSync(work, path)
  return path
}
