// Finds the programs that the tests compare us with, or unpacks them from the Debian archive beside the host's own.
//
// QEMU must be version 10 or newer (7.2 computes `ctzw` of a word whose low half is zero wrongly), which a Debian 12
// host does not have. So trixie's packages are downloaded by name through the machine's own apt in an isolated
// configuration, unpacked into the user's cache with every library they need, and started through their own loader.
// Nothing of the host is changed.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The suite the oracles come from: the first one with QEMU 10. */
const SUITE = 'trixie'
const OLDEST_QEMU = 10

/** Thrown when an oracle is neither on this machine nor can be brought to it. */
export class MissingTool extends Error {}

/** True where a missing tool is a failure and not a reason to skip. */
export function isStrict(): boolean {
  return process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false'
}

/**
 * Whether `name` can be run here. A user's machine without it gets one line that says what to install, and the
 * caller skips its test; under CI a missing tool throws.
 */
export function requireTool(name: string, aptPackage: string): boolean {
  if (findProgram(name) !== undefined) return true
  return refuse(`${name} is not installed; run "apt-get install ${aptPackage}"`)
}

/** The oracle that `find` gives, or undefined (after one line that says why) where it cannot be had; throws under CI. */
export function requireOracle<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    refuse(error.message)
    return undefined
  }
}

function refuse(reason: string): false {
  if (isStrict()) throw new MissingTool(`Missing tool: ${reason}.`)
  process.stderr.write(`Skipped: ${reason}.\n`)
  return false
}

/** The path of a program on PATH, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    if (folder !== '' && existsSync(join(folder, name))) return join(folder, name)
  }
  return undefined
}

/** The command that starts QEMU's riscv64 system emulator, version 10 or newer. */
export function qemuSystem(): string[] {
  return once('qemu-system', () => {
    const own = findNewEnough('qemu-system-riscv64')
    if (own !== undefined) return [own]
    const root = unpack('qemu-system', ['qemu-system-riscv', 'opensbi'])
    return [...startThroughLoader(root, 'usr/bin/qemu-system-riscv64'), '-L', join(root, 'usr/share/qemu')]
  })
}

/** The command that runs a riscv64 Linux program under QEMU, version 10 or newer. */
export function qemuUser(): string[] {
  return once('qemu-user', () => {
    const own = findNewEnough('qemu-riscv64') ?? findNewEnough('qemu-riscv64-static')
    if (own !== undefined) return [own]
    return startThroughLoader(unpack('qemu-user', ['qemu-user']), 'usr/bin/qemu-riscv64')
  })
}

/** The folder with OpenSBI for QEMU's `virt` board and ours: `fw_jump.elf`, `fw_jump.bin`, `fw_dynamic.bin`, ... */
export function opensbi(): string {
  return once('opensbi', () => {
    const own = '/usr/lib/riscv64-linux-gnu/opensbi/generic'
    const root = existsSync(own) ? '/' : unpack('opensbi', ['opensbi'])
    return join(root, own)
  })
}

const found = new Map<string, unknown>()

function once<T>(key: string, find: () => T): T {
  if (!found.has(key)) found.set(key, find())
  return found.get(key) as T
}

function findNewEnough(name: string): string | undefined {
  const path = findProgram(name)
  if (path === undefined) return undefined
  const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).match(/version (\d+)\./)
  return version !== null && Number(version[1]) >= OLDEST_QEMU ? path : undefined
}

/** A program of an unpacked tree, started by the tree's own loader with the tree's own libraries, if it has any. */
function startThroughLoader(root: string, program: string): string[] {
  const lib = join(root, 'usr/lib')
  const triplets = existsSync(lib) ? readdirSync(lib).filter((name) => name.endsWith('-linux-gnu')) : []
  for (const triplet of triplets) {
    const libraries = join(lib, triplet)
    const loader = readdirSync(libraries).find((name) => /^ld-linux.*\.so\.\d+$/.test(name))
    if (loader !== undefined) return [join(libraries, loader), '--library-path', libraries, join(root, program)]
  }
  // A package without dependencies holds a static program.
  return [join(root, program)]
}

/** The folder into which `packages` and all they depend on are unpacked; filled on first use, in one step. */
function unpack(name: string, packages: string[]): string {
  const oracles = join(process.env.ORLOP_CACHE ?? join(homedir(), '.cache', 'orlop'), 'oracle')
  const edition = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 8)
  const root = join(oracles, `${SUITE}-${name}-${edition}`)
  if (existsSync(root)) return root

  for (const program of ['apt-get', 'dpkg', 'dpkg-deb']) {
    if (findProgram(program) === undefined) {
      throw new MissingTool(`${program} is not here, so ${packages.join(' and ')} cannot be fetched from Debian`)
    }
  }
  process.stderr.write(`Fetching ${packages.join(', ')} from Debian ${SUITE} (once)\n`)
  mkdirSync(oracles, { recursive: true })
  const work = mkdtempSync(join(oracles, '.fetching-'))
  try {
    const tree = join(work, 'root')
    mkdirSync(tree)
    for (const archive of download(work, packages)) execFileSync('dpkg-deb', ['--extract', archive, tree])
    try {
      renameSync(tree, root)
    } catch (error) {
      // Another process finished first: its tree is as good as ours.
      if (!existsSync(root)) throw error
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return root
}

/** Downloads packages with their dependencies into `work`; gives the paths of the .deb files. */
function download(work: string, packages: string[]): string[] {
  const archives = join(work, 'archives')
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true })
  mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true })
  mkdirSync(archives)
  writeFileSync(join(work, 'status'), '')
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const source = `deb [arch=${architecture} signed-by=${keyring}] ${debianMirror()} ${SUITE} main\n`
  writeFileSync(join(work, 'sources.list'), source)
  const options = [
    `-oAPT::Architecture=${architecture}`,
    `-oAPT::Architectures=${architecture}`,
    `-oDir::State::Lists=${join(work, 'lists')}`,
    `-oDir::State::status=${join(work, 'status')}`,
    `-oDir::Etc::SourceList=${join(work, 'sources.list')}`,
    '-oDir::Etc::SourceParts=/dev/null',
    `-oDir::Cache=${join(work, 'cache')}`,
    '-oAPT::Sandbox::User=root',
    '-oDebug::NoLocking=1',
    '-q',
  ]
  const apt = (args: string[]) => {
    try {
      return execFileSync('apt-get', [...options, ...args], {
        encoding: 'utf8',
        cwd: archives,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    } catch (cause) {
      const lines = String((cause as { stderr?: string }).stderr)
        .trim()
        .split('\n')
      throw new MissingTool(`${packages.join(' and ')} cannot be fetched from Debian (${lines.at(-1)})`, { cause })
    }
  }
  apt(['update'])
  const plan = apt(['install', '--simulate', '--no-install-recommends', ...packages])
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string)
  apt(['download', ...names])
  return readdirSync(archives).map((name) => join(archives, name))
}

/** The Debian archive that this machine already uses; ORLOP_DEBIAN_MIRROR overrides it. */
function debianMirror(): string {
  const chosen = process.env.ORLOP_DEBIAN_MIRROR
  if (chosen !== undefined && chosen !== '') return chosen
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' })
  const mirror = targets.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (mirror === undefined) {
    throw new MissingTool("No Debian archive among this machine's apt sources; set ORLOP_DEBIAN_MIRROR to one")
  }
  return mirror
}
