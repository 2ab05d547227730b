// Programs of a real Debian in a guest: runs a list of commands there and gives the files they have made; and makes the
// same files on the host, with the very same programs under QEMU's user emulation.

import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Report } from '../../../cli/report.ts'
import { withProgress } from '../../../cli/work.ts'
import { OrlopError } from '../../../cli/error.ts'
import { pullUserland, type Userland } from '../../../guests/userland/pull.ts'
import type { GuestStats } from '../../../host-shim/stats.ts'
import { STOP_POWEROFF } from '../../../hypervisor/abi.ts'
import { MissingTool, qemuUser, requireOracle } from '../../support/tools.ts'
import { APPEND, argumentsForScript, debian, withScript } from '../guests.ts'
import { canMakeImages, makeImage } from '../image.ts'
import { ending, withGuest } from '../machine.ts'
import { measureOrlop } from '../orlop.ts'

/** One program with its arguments, started in the folder of the session. */
export interface Command {
  /** Its standard output becomes the file of this name. */
  output: string
  /** Path of the program in the Debian. */
  program: string
  args: string[]
  /** The file that is its standard input. Default: /dev/null. */
  input?: string
}

/** What was given to a session, or made in it. */
export type Files = Map<string, Buffer>

export interface GuestSession {
  files: Files
  console: string
  report: Report
}

export interface SessionOptions {
  /** `--translator` of `orlop run`. Default: on. */
  translator?: 'on' | 'off' | 'verify'
  /** `--memory` of `orlop run`. Default: 512M. */
  memory?: string
}

/** The same on both sides; no output may depend on the machine, or on chance. */
const ENVIRONMENT = {
  PATH: '/usr/bin',
  HOME: '/root',
  LC_ALL: 'C',
  OPENSSL_CONF: '/dev/null',
  PERL_HASH_SEED: '0',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONHASHSEED: '0',
}

const WORK_MIB = 64
const PATIENCE_MS = 900_000
/** What no console may show. */
const TROUBLE = /exit status|I\/O error|EXT4-fs error|Oops|BUG:|WARNING:|stall/

let found: Promise<Userland | undefined> | undefined

/** The Debian with the programs; undefined, after one line that says why, where a user's machine cannot have it. */
export function userland(): Promise<Userland | undefined> {
  return (found ??= orSkip(withProgress((work) => pullUserland('programs', work))))
}

/** What is found; undefined, after one line that says why, where a user's machine cannot have it. Throws under CI. */
export function orSkip<T>(finding: Promise<T>): Promise<T | undefined> {
  return finding.catch((error) => {
    if (!(error instanceof OrlopError)) throw error
    return requireOracle((): T => {
      throw new MissingTool(error.message.replace(/\.$/, ''))
    })
  })
}

/**
 * Runs commands in a guest, in a folder with these files: the root is the Debian, read-only. All of them must end well.
 * Undefined where a user's machine cannot have such a guest.
 */
export async function runInGuest(
  folder: string,
  files: Record<string, Buffer | string>,
  commands: Command[],
  { translator = 'on', memory = '512M' }: SessionOptions = {},
): Promise<GuestSession | undefined> {
  const stage = await prepare(folder, files, commands)
  if (stage === undefined) return undefined
  const { guest, root, work } = stage
  const args = [...argumentsForScript(guest), '--memory', memory, '--translator', translator]
  const run = await measureOrlop([...args, '--disk', `${root},ro`, '--disk', work], { patienceMs: PATIENCE_MS })
  assert.is(run.exitCode, 0, `${run.errors}\n${run.console}`)
  assert.not.match(run.console, TROUBLE)
  assert.is(run.report.offences, 0)
  return { files: filesOn(work, folder), console: run.console, report: run.report }
}

/** The same in a guest with several harts, on a machine with several CPUs. */
export async function runOnHarts(
  folder: string,
  files: Record<string, Buffer | string>,
  commands: Command[],
  { harts, cpus, memoryMib }: { harts: number; cpus: number; memoryMib: number },
): Promise<{ files: Files; console: string; stats: GuestStats } | undefined> {
  const stage = await prepare(folder, files, commands)
  if (stage === undefined) return undefined
  const { kernel, initrd } = stage.guest
  const disks = [
    { path: stage.root, readOnly: true },
    { path: stage.work, readOnly: false },
  ]
  const options = {
    kernel,
    initrd,
    harts,
    disks,
    ramBytes: memoryMib * 2 ** 20,
    commandLine: `${APPEND} orlop.run=/test`,
  }
  return withGuest(cpus, options, async (running, screen) => {
    const { reason, stats } = await ending(running, screen, PATIENCE_MS)
    assert.is(reason, STOP_POWEROFF, screen.text)
    assert.not.match(screen.text, TROUBLE)
    assert.is(stats.offences, 0)
    return { files: filesOn(stage.work, folder), console: screen.text, stats }
  })
}

/** A guest that will do the commands, its root file system, and the disk with the files on which it works. */
async function prepare(folder: string, files: Record<string, Buffer | string>, commands: Command[]) {
  const guest = await debian()
  const system = await userland()
  if (guest === undefined || system === undefined || !canMakeImages()) return undefined
  const work = makeImage(join(folder, 'work'), WORK_MIB, { ...files, [SCRIPT]: shellScript(commands) })
  return { guest: withScript(guest, folder, ENTER), root: system.disk, work }
}

/** What lies on a work disk. */
function filesOn(work: string, folder: string): Files {
  const target = join(folder, 'from-guest')
  mkdirSync(target)
  execFileSync('debugfs', ['-R', `rdump / ${target}`, work], { stdio: 'ignore' })
  return readFiles(target)
}

/** Runs the same commands on the host; undefined where a user's machine has no QEMU. */
export async function runOnHost(
  folder: string,
  files: Record<string, Buffer | string>,
  commands: Command[],
): Promise<Files | undefined> {
  const qemu = requireOracle(qemuUser)
  const system = await userland()
  if (qemu === undefined || system === undefined) return undefined
  const work = join(folder, 'on-host')
  mkdirSync(work)
  writeFiles(work, files)
  const [emulator = '', ...first] = qemu
  for (const { output, program, args, input } of commands) {
    const [stdin, stdout] = [
      openSync(input === undefined ? '/dev/null' : join(work, input), 'r'),
      openSync(join(work, output), 'w'),
    ]
    const { status, signal, stderr } = spawnSync(
      emulator,
      [...first, '-L', system.root, '-0', program, join(system.root, program), ...args],
      { cwd: work, env: ENVIRONMENT, stdio: [stdin, stdout, 'pipe'], encoding: 'utf8' },
    )
    closeSync(stdin)
    closeSync(stdout)
    assert.is(status, 0, `${program} ${args.join(' ')} under QEMU (${signal ?? 'no signal'}): ${stderr}`)
  }
  return readFiles(work)
}

/** Both of them; compares each file that was made, and gives the guest's. */
export async function runInBoth(
  folder: string,
  files: Record<string, Buffer | string>,
  commands: Command[],
  options: SessionOptions = {},
): Promise<GuestSession | undefined> {
  const inside = await runInGuest(folder, files, commands, options)
  const outside = inside && (await runOnHost(folder, files, commands))
  if (inside === undefined || outside === undefined) return undefined
  for (const [name, content] of outside) assertSame(inside.files, name, content)
  return inside
}

/** Fails with the first line that differs, or the first byte. */
export function assertSame(files: Files, name: string, expected: Buffer): void {
  const found = contentOf(files, name)
  if (found.equals(expected)) return
  if (expected.includes(0)) {
    const at = expected.findIndex((byte, index) => byte !== found[index])
    assert.unreachable(`${name}: ${found.length} bytes, expected ${expected.length}; the first difference is at ${at}`)
  }
  assert.is(found.toString(), expected.toString(), name)
}

/** A file of a session. */
export function contentOf(files: Files, name: string): Buffer {
  const content = files.get(name)
  if (content === undefined) assert.unreachable(`There is no file ${name}; there are ${[...files.keys()].join(', ')}.`)
  return content as Buffer
}

const SCRIPT = 'commands.sh'

/** Enters the Debian from the initramfs. What programs may write to is the work disk and /tmp. */
const ENTER = `set -e
mount -t ext4 -o ro,noload /dev/vda /mnt
mount -t ext4 /dev/vdb /mnt/home
mount -t tmpfs tmpfs /mnt/tmp
mount -t proc proc /mnt/proc
mount -t devtmpfs dev /mnt/dev
status=0
chroot /mnt /bin/sh /home/${SCRIPT} || status=$?
umount /mnt/home
exit $status`

/** A shell script that does the commands in turn, tells of each when it began, and stops at the first that fails. */
function shellScript(commands: Command[]): string {
  const settings = Object.entries(ENVIRONMENT).map(([name, value]) => `export ${name}=${quote(value)}`)
  const lines = commands.flatMap(({ output, program, args, input = '/dev/null' }) => [
    `read -r uptime _ </proc/uptime; echo "$uptime ${output}"`,
    `${[program, ...args].map(quote).join(' ')} <${quote(input)} >${quote(output)} || exit 1`,
  ])
  return `${['cd /home', ...settings, ...lines].join('\n')}\n`
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

function writeFiles(folder: string, files: Record<string, Buffer | string>): void {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
}

function readFiles(folder: string): Files {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(entries.map(({ name }) => [name, readFileSync(join(folder, name))]))
}
