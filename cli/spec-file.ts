// A guest described in a YAML file: the fields that `orlop run` and the guests of a fleet have in common.

import { isMap } from 'yaml'
import { MAX_DISKS } from '../hypervisor/abi.ts'
import type { Translator } from '../host-shim/guest-spec.ts'
import type { DiskOptions } from '../host-shim/node/disk.ts'
import type { UplinkChoice } from '../host-shim/node/networks.ts'
import { OrlopError } from './error.ts'
import { parseNetwork } from './network.ts'
import {
  choice,
  type Fields,
  fields,
  flag,
  list,
  parsed,
  path,
  readYaml,
  type Shape,
  size,
  text,
  YamlFile,
  type YamlNode,
} from './shape.ts'

export const CONSOLES = ['stdio', 'none'] as const
export type Console = (typeof CONSOLES)[number]

const TRANSLATORS: Translator[] = ['on', 'off', 'verify']

const diskWord = parsed('A path, relative to this file; ",ro" behind it only reads it', '.', (given, _where, file) => {
  const disk = parseDisk(given)
  return { ...disk, path: file.inFolder(disk.path) }
})
const diskFields = fields(
  'A disk',
  { path: path('A raw image, relative to this file'), readOnly: flag('The guest can only read it; default false') },
  ['path'],
)

const disk: Shape<DiskOptions> = {
  read(node: YamlNode, field: string, file: YamlFile): DiskOptions {
    if (!isMap(node)) return diskWord.read(node, field, file)
    const given = diskFields.read(node, field, file)
    return { path: given.path as string, readOnly: given.readOnly === true }
  },
  schema: { anyOf: [diskWord.schema, diskFields.schema] },
}

/** The uplink with the path of its socket relative to the file. */
function inFolder(uplink: UplinkChoice, file: YamlFile): UplinkChoice {
  if (typeof uplink === 'string') return uplink
  if ('stream' in uplink && 'path' in uplink.stream) return { stream: { path: file.inFolder(uplink.stream.path) } }
  if ('listen' in uplink && 'path' in uplink.listen) return { listen: { path: file.inFolder(uplink.listen.path) } }
  return uplink
}

/** Sizes beyond any machine are refused where it is known what the machine has. */
const ANY_SIZE = Number.MAX_VALUE

export const SPEC = {
  name: text('What the guest is called'),
  memory: {
    ...size('', 0, ANY_SIZE),
    schema: size('RAM, for example 512M or 2G; default 128M', 2 ** 20, 3840 * 2 ** 20).schema,
  },
  kernel: path(
    'A RISC-V Linux "Image", uncompressed; default: the guest system in the cache, unless there is firmware',
  ),
  initrd: path('Its initial file system'),
  append: text("Words to add to the kernel's command line"),
  firmware: path('Start this M-mode program (ELF, or raw at the start of RAM) at the reset vector'),
  disks: list('Raw disk images', 'files', disk, MAX_DISKS),
  net: parsed(
    'A network of its own: none (default), loopback, user, stream:HOST:PORT, stream:unix:PATH, listen:…, tap:NAME, macvtap:NAME',
    '^(none|loopback|user|(stream|listen):(unix:.+|(tcp:)?(\\[[^\\]]+\\]|[^:]+):\\d+)|(tap|macvtap):.+)$',
    (given, where, file) => inFolder(parseNetwork(given, where), file),
  ),
  console: choice('stdio (default): somebody listens to the console; none: nobody', CONSOLES, parseConsole),
  translator: choice(
    'on (default): hot code becomes WebAssembly; off: the interpreter does all; verify: both do it and are compared',
    TRANSLATORS,
    parseTranslator,
  ),
}

/** What a file may say; what it leaves out is undefined. */
export type SpecFile = Omit<Fields<typeof SPEC>, 'memory'> & { memoryBytes?: number }

const guest = fields('A guest', SPEC)

/** Reads a spec file. Paths in it are relative to the file. */
export function readSpecFile(path: string): SpecFile {
  return parseSpec(readYaml(path, 'spec file'), path)
}

/** The same for a text; `path` is the file's name in messages, and what its paths are relative to. */
export function parseSpec(text: string, path: string): SpecFile {
  const file = new YamlFile(text, path)
  const { memory, ...rest } = guest.read(file.root, 'guest', file)
  return memory === undefined ? rest : { ...rest, memoryBytes: memory }
}

/** A disk as a word: a path, which ",ro" makes read-only. */
export function parseDisk(text: string): DiskOptions {
  return text.endsWith(',ro') ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false }
}

export function parseConsole(text: string, where: string): Console {
  const found = CONSOLES.find((word) => word === text)
  if (found === undefined) throw new OrlopError(`${where}: "${text}" is no console; give ${CONSOLES.join(' or ')}.`)
  return found
}

export function parseTranslator(text: string, where: string): Translator {
  const found = TRANSLATORS.find((word) => word === text)
  if (found === undefined) throw new OrlopError(`${where}: "${text}" is no setting for it; give on, off or verify.`)
  return found
}
