// Builds the first file system of a guest: busybox, an init, and the modules that the guest's kernel needs (if any).

import { OrlopError } from '../../cli/error.ts'
import { readRecipe } from '../recipe.ts'
import { type Entry, writeCpio } from './cpio.ts'
import { type ModuleInfo, moduleName } from './module.ts'

/** A module as it goes into the archive. */
export interface Module {
  info: ModuleInfo
  content: Uint8Array
}

export interface InitramfsOptions {
  /** The static riscv64 busybox. */
  busybox: Buffer
  /** What the kernel calls its release, the name of the modules' folder. Needed with `modules`. */
  release?: string
  /** The modules, with all that they depend on. Default: none, for a kernel that has everything built in. */
  modules?: Module[]
}

/** Loaded before anything else: without it the kernel sees no device of the others. The rest is loaded on demand. */
const FIRST_MODULES = ['virtio_mmio']

/**
 * What Debian's kernel has as modules and a guest on our board can use. Drivers are loaded for devices that are there,
 * file systems when something is mounted (the kernel runs /sbin/modprobe).
 */
export const GUEST_MODULES = [
  ...FIRST_MODULES,
  ...['virtio_blk', 'virtio_net', 'virtio_rng', 'virtio_balloon', 'virtio_scsi', 'sd_mod', 'sr_mod', 'loop'],
  ...[
    'ext4',
    'crc32c_generic',
    'squashfs',
    'isofs',
    'overlay',
    'vfat',
    'nls_cp437',
    'nls_ascii',
    'nls_iso8859_1',
    'nls_utf8',
  ],
  ...['9p', '9pnet_virtio', 'vmw_vsock_virtio_transport', 'tun', 'virtio_input', 'evdev'],
]

/** The program itself, and those that are meant for a real init. */
const UNWANTED_APPLETS = new Set(['busybox', 'init', 'linuxrc'])

/** The archive, uncompressed: unpacking a compressed one costs the guest more than reading this one. */
export function buildInitramfs({ busybox, release = '', modules = [] }: InitramfsOptions): Buffer {
  const folders = ['bin', 'dev', 'etc', 'lib', 'mnt', 'proc', 'run', 'sys', 'tmp', 'usr', 'var']
  return writeCpio([
    ...folders.map((path): Entry => ({ path, type: 'folder' })),
    { path: 'root', type: 'folder', mode: 0o700 },
    { path: 'sbin', type: 'link', target: 'bin' },
    { path: 'usr/bin', type: 'link', target: '../bin' },
    { path: 'usr/sbin', type: 'link', target: '../bin' },
    { path: 'var/run', type: 'link', target: '../run' },
    // The kernel opens these two before init has mounted devtmpfs.
    { path: 'dev/console', type: 'device', major: 5, minor: 1 },
    { path: 'dev/null', type: 'device', major: 1, minor: 3, mode: 0o666 },
    { path: 'init', type: 'file', content: readRecipe('initramfs/init'), mode: 0o755 },
    { path: 'lib/udhcpc', type: 'file', content: readRecipe('initramfs/udhcpc'), mode: 0o755 },
    ...Object.entries(ETC).map(
      ([name, text]): Entry => ({ path: `etc/${name}`, type: 'file', content: Buffer.from(text) }),
    ),
    { path: 'bin/busybox', type: 'file', content: busybox, mode: 0o755 },
    ...listApplets(busybox)
      .filter((name) => !UNWANTED_APPLETS.has(name))
      .map((name): Entry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
    ...moduleEntries(release, modules),
  ])
}

const ETC: Record<string, string> = {
  passwd: 'root::0:0:root:/root:/bin/sh\n',
  group: 'root:x:0:\ntty:x:5:\n',
  hosts: '127.0.0.1 localhost\n::1 localhost\n',
  profile: "export PS1='\\w # '\n",
  // `mount` without -t tries these in turn; each name makes the kernel load its module.
  filesystems: 'ext4\nsquashfs\niso9660\nvfat\n',
}

/**
 * The programs inside a busybox binary, read from its table of names: a run of NUL-ended strings that starts with
 * `[` and `[[` and is sorted. No riscv code has to run here for that.
 */
export function listApplets(busybox: Buffer): string[] {
  const start = busybox.indexOf('[\0[[\0', 0, 'latin1')
  const end = busybox.indexOf('\0\0', start, 'latin1')
  const names = start < 0 || end < 0 ? [] : busybox.toString('latin1', start, end).split('\0')
  const isTable = names.every(
    (name, index) => /^[\w[.-]+$/.test(name) && (index === 0 || (names[index - 1] ?? '') < name),
  )
  if (
    !isTable ||
    !['sh', 'mount', 'insmod', 'modprobe', 'poweroff', 'setsid', 'cttyhack'].every((name) => names.includes(name))
  ) {
    throw new OrlopError(
      'Cannot find the list of programs inside busybox; report which busybox-static package this is.',
      1,
    )
  }
  return names
}

/** The modules and the two tables that busybox's modprobe reads (depmod(8), modules.dep(5)). */
function moduleEntries(release: string, modules: Module[]): Entry[] {
  if (modules.length === 0) return []
  const folder = `lib/modules/${release}`
  const byName = new Map(modules.map((module) => [module.info.name, module]))
  const byAlias = new Map(
    modules.flatMap((module) => module.info.aliases.map((alias) => [alias, module.info.name] as const)),
  )
  const file = (name: string) => `${name}.ko`

  /** All that `name` needs, in the order of loading, itself last. */
  const chain = (name: string, seen = new Set<string>()): string[] => {
    const info = byName.get(name)?.info
    if (info === undefined || seen.has(name)) return []
    seen.add(name)
    const before = info.before.map((wish) => byAlias.get(wish) ?? moduleName(wish))
    return [...[...info.depends, ...before].flatMap((other) => chain(other, seen)), name]
  }
  const dependencies = modules.map(({ info }) => {
    const [, ...needed] = chain(info.name).reverse()
    return `${file(info.name)}:${needed.map((name) => ` ${file(name)}`).join('')}\n`
  })
  const aliases = modules.flatMap(({ info }) => info.aliases.map((alias) => `alias ${alias} ${info.name}\n`))
  const first = FIRST_MODULES.flatMap((name) => chain(name)).map((name) => `/${folder}/${file(name)}\n`)
  return [
    { path: 'lib/modules', type: 'folder' },
    { path: folder, type: 'folder' },
    ...modules.map(({ info, content }): Entry => ({ path: `${folder}/${file(info.name)}`, type: 'file', content })),
    { path: `${folder}/modules.dep`, type: 'file', content: Buffer.from(dependencies.join('')) },
    { path: `${folder}/modules.alias`, type: 'file', content: Buffer.from(aliases.join('')) },
    { path: 'lib/modules/first', type: 'file', content: Buffer.from(first.join('')) },
  ]
}
