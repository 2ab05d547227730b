// Builds the lean guest kernel from Debian's kernel source and our configuration fragment, with the cross compiler.
//
// A result is kept under the source's version and the fragment's hash, with its configuration, symbols and log.

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { OrlopError } from '../../cli/error.ts'
import { cacheFolder, makeFolder, readJson, withLock, withScratch, writeJson } from '../cache.ts'
import { hasProgram, openArchive } from '../debian/archive.ts'
import { unpackDeb } from '../debian/deb.ts'
import { findPlainInitramfs, type Pulled, type PullOptions, pullBusybox } from '../debian/pull.ts'
import { silent } from '../progress.ts'
import { readRecipe, recipePath } from '../recipe.ts'

export interface BuildOptions extends Omit<PullOptions, 'refresh'> {
  /** How many compilers run at once. Default: the number of processors. */
  jobs?: number
  /** Build although the cache has a kernel of this configuration. Default: false. */
  force?: boolean
}

/** A lean kernel in the cache. */
export interface Built extends Pulled {
  /** Path of the configuration it was built with. */
  config: string
  /** Path of the compiler's messages. */
  log: string
}

/** What the newest build left; `current.json` in the cache's `linux` folder. */
interface Current {
  version: string
  folder: string
}

const SOURCE_PACKAGE = 'linux-source-6.12'
const FRAGMENT = 'linux/config.fragment'
const CROSS_COMPILE = 'riscv64-linux-gnu-'
/** What this configuration compiles, to show how far a build is. */
const ABOUT_FILES = 1120
/** The unpacked source has 1.5 GB, its objects 0.3. */
const NEEDED_BYTES = 2.5e9

/** Programs that the build starts, and the Debian packages they come from. */
const TOOLS: Record<string, string> = {
  'riscv64-linux-gnu-gcc': 'gcc-riscv64-linux-gnu',
  'riscv64-linux-gnu-ld': 'binutils-riscv64-linux-gnu',
  gcc: 'gcc libc6-dev',
  make: 'make',
  flex: 'flex',
  bison: 'bison',
  bc: 'bc',
  tar: 'tar',
  xz: 'xz-utils',
}

/** Builds the lean kernel, or gives the one in the cache where source and configuration are the same. */
export async function buildLeanKernel(options: BuildOptions = {}): Promise<Built> {
  const { cache = cacheFolder(), force = false, env = process.env } = options
  const root = join(cache, 'linux')
  const fragment = readRecipe(FRAGMENT)
  const edition = createHash('sha256').update(fragment).digest('hex').slice(0, 8)
  const current = await readCurrent(root)
  if (force || current === undefined || !current.folder.includes(`_${edition}_`)) {
    checkTools(env)
    await withLock(root, () => build(root, edition, options), options)
  }
  await pullBusybox(options)
  const built = await findLean(cache)
  if (built === undefined) throw new OrlopError('The cache was emptied meanwhile; run "orlop build-kernel" again.', 1)
  return built
}

/** The newest lean kernel in the cache with its initramfs, or undefined. */
export async function findLean(cache = cacheFolder()): Promise<Built | undefined> {
  const root = join(cache, 'linux')
  const current = await readCurrent(root)
  const initrd = current && (await findPlainInitramfs(cache))
  if (current === undefined || initrd === undefined) return undefined
  const file = (name: string) => join(root, current.folder, name)
  return { kernel: file('Image'), initrd, version: current.version, config: file('config'), log: file('build.log') }
}

async function build(root: string, edition: string, options: BuildOptions): Promise<void> {
  const { report = silent, signal } = options
  const archive = await openArchive({ ...options, folder: join(root, 'lists') })
  const source = await archive.find(SOURCE_PACKAGE)
  const prefix = `${source.version.replaceAll(':', '%3a')}_${edition}_`
  const done = (await readdir(root)).find((name) => name.startsWith(prefix) && !name.includes('.part-'))
  if (done !== undefined && options.force !== true) {
    await writeJson(join(root, 'current.json'), { version: source.version, folder: done } satisfies Current)
    return
  }
  await checkSpace(root)
  await withScratch(join(root, 'build'), async (scratch) => {
    const deb = join(scratch, 'source.deb')
    const tree = join(scratch, 'linux')
    await archive.fetch(source, deb)
    const date = await unpackSource(deb, tree, options)

    report({ step: 'Configuring the kernel' })
    const log = join(root, 'build.log')
    const make = (args: string[], onLine?: (line: string) => void) => runMake(tree, date, args, log, { signal, onLine })
    await writeFile(log, '')
    await make([`KCONFIG_ALLCONFIG=${recipePath(FRAGMENT)}`, 'allnoconfig'])
    await checkConfig(await readFile(join(tree, '.config'), 'utf8'))

    const step = 'Compiling the kernel'
    let files = 0
    await make([`-j${options.jobs ?? availableParallelism()}`, 'Image'], (line) => {
      if (/^ {2}(CC|AS) /.test(line))
        report({ step, done: Math.min(++files, ABOUT_FILES), total: ABOUT_FILES, unit: 'files' })
    })
    const image = await readFile(join(tree, 'arch/riscv/boot/Image'))
    const folder = `${prefix}${createHash('sha256').update(image).digest('hex').slice(0, 8)}`
    await makeFolder(join(root, folder), async (temporary) => {
      await writeFile(join(temporary, 'Image'), image)
      await copyFile(join(tree, '.config'), join(temporary, 'config'))
      await copyFile(join(tree, 'System.map'), join(temporary, 'System.map'))
      await copyFile(log, join(temporary, 'build.log'))
    })
    await writeJson(join(root, 'current.json'), { version: source.version, folder } satisfies Current)
    report({ step: 'Removing the source tree' })
  })
}

/** Throws, with what to install, where a program is missing. */
export function checkTools(env: NodeJS.ProcessEnv = process.env): void {
  const missing = Object.entries(TOOLS).filter(([program]) => !hasProgram(program, env))
  if (missing.length === 0) return
  const programs = missing.map(([program]) => program).join(', ')
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ')
  throw new OrlopError(`Cannot build a kernel without ${programs}; run "apt-get install ${packages}".`)
}

/** Throws where Kconfig did not take a line of our fragment: an option is gone, or what it depends on is off. */
export async function checkConfig(config: string, fragment = readRecipe(FRAGMENT).toString()): Promise<void> {
  const lines = new Set(config.split('\n'))
  const lost = fragment.split('\n').filter((line) => {
    const off = line.match(/^# (CONFIG_\w+) is not set$/)?.[1]
    if (off !== undefined) return [...lines].some((other) => other.startsWith(`${off}=`))
    return line.startsWith('CONFIG_') && !lines.has(line)
  })
  if (lost.length > 0)
    throw new OrlopError(`The kernel's configuration did not take ${lost.join(', ')}; correct guests/${FRAGMENT}.`)
}

async function checkSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= NEEDED_BYTES) return
  throw new OrlopError(
    `Building a kernel needs ${NEEDED_BYTES / 1e9} GB in ${folder}; make room or set ORLOP_CACHE to another disk.`,
  )
}

/** Unpacks the tar inside the .deb into `tree`; gives the date of the source. */
async function unpackSource(deb: string, tree: string, { report = silent, signal }: BuildOptions): Promise<Date> {
  await mkdir(tree)
  let date: Date | undefined
  await unpackDeb(
    deb,
    async ({ path, content, mtime }) => {
      if (!/^usr\/src\/linux-source-[\d.]+\.tar\.xz$/.test(path)) return
      date = mtime
      const child = spawn('tar', ['-xJ', '--strip-components=1', '-C', tree], { stdio: ['pipe', 'ignore', 'pipe'] })
      const ended = finish(child, 'tar', signal)
      await Promise.all([pipeline(content, child.stdin), ended])
    },
    {
      progress: (done, total) => report({ step: 'Unpacking the kernel source', done, total }),
      ...(signal && { signal }),
    },
  )
  if (date === undefined)
    throw new OrlopError(`There is no kernel source in the package ${SOURCE_PACKAGE}; use another mirror.`, 1)
  return date
}

interface MakeOptions {
  signal: AbortSignal | undefined
  onLine: ((line: string) => void) | undefined
}

async function runMake(
  tree: string,
  date: Date,
  args: string[],
  log: string,
  { signal, onLine }: MakeOptions,
): Promise<void> {
  // Nothing of the caller's environment steers the build, and the same source gives the same bytes.
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LC_ALL: 'C',
    KBUILD_BUILD_USER: 'orlop',
    KBUILD_BUILD_HOST: 'orlop',
    KBUILD_BUILD_TIMESTAMP: date.toUTCString(),
  }
  const child = spawn('make', ['-C', tree, 'ARCH=riscv', `CROSS_COMPILE=${CROSS_COMPILE}`, ...args], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const file = createWriteStream(log, { flags: 'a' })
  child.stdout.pipe(file, { end: false })
  child.stderr.pipe(file, { end: false })
  if (onLine !== undefined) createInterface({ input: child.stdout }).on('line', onLine)
  try {
    await finish(child, 'make', signal, `; its messages are in ${log}`)
  } finally {
    file.end()
  }
}

/** Resolves when the child ends well. On abort the child goes, and those it has started where it leads a group. */
async function finish(child: ChildProcess, name: string, signal: AbortSignal | undefined, where = ''): Promise<void> {
  const { pid } = child
  const stop = () => {
    try {
      if (pid !== undefined) process.kill(name === 'make' ? -pid : pid, 'SIGTERM')
    } catch {
      // It has just ended by itself.
    }
  }
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk) => errors.push(chunk))
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
    signal?.throwIfAborted()
    const why =
      Buffer.concat(errors)
        .toString()
        .trim()
        .split('\n')
        .find((line) => /error|\*\*\*/i.test(line)) ?? `exit ${code}`
    if (code !== 0) throw new OrlopError(`The kernel build failed in ${name} (${why.trim()})${where}.`, 1)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

async function readCurrent(root: string): Promise<Current | undefined> {
  const current = await readJson<Current>(join(root, 'current.json'))
  return current !== undefined && existsSync(join(root, current.folder, 'Image')) ? current : undefined
}
