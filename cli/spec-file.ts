// A guest described in a YAML file. Each complaint names the file, the line, the field, and what is allowed there.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml'
import type { Translator } from '../host-shim/guest-spec.ts'
import type { DiskOptions } from '../host-shim/node/disk.ts'
import { OrlopError } from './error.ts'
import { type Network, parseNetwork } from './network.ts'
import { parseSize } from './size.ts'

/** What a file may say; what it leaves out is undefined. */
export interface SpecFile {
  name?: string
  memoryBytes?: number
  kernel?: string
  initrd?: string
  append?: string
  firmware?: string
  disks?: DiskOptions[]
  net?: Network
  console?: Console
  translator?: Translator
}

export const CONSOLES = ['stdio', 'none'] as const
export type Console = (typeof CONSOLES)[number]

const TRANSLATORS: Translator[] = ['on', 'off', 'verify']

const FIELDS = ['name', 'memory', 'kernel', 'initrd', 'append', 'firmware', 'disks', 'net', 'console', 'translator']
const DISK_FIELDS = ['path', 'readOnly']

/** Reads a spec file. Paths in it are relative to the file. */
export function readSpecFile(path: string): SpecFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : `cannot be read (${message})`
    throw new OrlopError(`The spec file ${path} ${why}; give the path of a YAML file.`, 2, { cause })
  }
  return parseSpec(text, path)
}

/** The same for a text; `path` is the file's name in messages, and what its paths are relative to. */
export function parseSpec(text: string, path: string): SpecFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const at = (node: Node | null | undefined) => `${path}:${lines.linePos(node?.range?.[0] ?? 0).line}`

  const [error] = document.errors
  if (error !== undefined) {
    const reason = error.message.split('\n')[0]?.replace(/ at line \d+.*$/, '')
    throw new OrlopError(`${path}:${error.linePos?.[0].line ?? 1}: This is not YAML: ${reason}.`)
  }

  /** Entries of a mapping, after a check that each key is one of `allowed`. */
  function entriesOf(node: ParsedNode | null, what: string, allowed: string[]): Map<string, ParsedNode | null> {
    if (!isMap(node)) throw new OrlopError(`${at(node)}: ${what} must have fields: ${allowed.join(', ')}.`)
    const entries = new Map<string, ParsedNode | null>()
    for (const { key, value } of node.items as { key: ParsedNode; value: ParsedNode | null }[]) {
      const name = isScalar(key) ? String(key.value) : '?'
      if (!allowed.includes(name)) {
        throw new OrlopError(`${at(key)}: There is no field "${name}"; allowed are ${allowed.join(', ')}.`)
      }
      entries.set(name, value)
    }
    return entries
  }

  function textOf(node: ParsedNode | null, field: string): string {
    if (isScalar(node) && typeof node.value === 'string' && node.value !== '') return node.value
    // A bare number is a fine size or name for the reader, who will then say what is wrong with it.
    if (isScalar(node) && typeof node.value === 'number') return String(node.source ?? node.value)
    throw new OrlopError(`${at(node)}: The field "${field}" must be a text.`)
  }

  function diskOf(node: ParsedNode): DiskOptions {
    if (isScalar(node))
      return { ...parseDisk(textOf(node, 'disks')), path: inFolder(parseDisk(textOf(node, 'disks')).path) }
    const fields = entriesOf(node, 'A disk', DISK_FIELDS)
    if (!fields.has('path')) throw new OrlopError(`${at(node)}: A disk needs the field "path".`)
    const readOnly = fields.get('readOnly')
    if (readOnly !== undefined && !(isScalar(readOnly) && typeof readOnly.value === 'boolean')) {
      throw new OrlopError(`${at(readOnly)}: The field "readOnly" must be true or false.`)
    }
    return { path: inFolder(textOf(fields.get('path') ?? null, 'path')), readOnly: readOnly?.value === true }
  }

  const inFolder = (name: string) => resolve(dirname(path), name)
  const root = entriesOf(document.contents, 'A guest', FIELDS)
  const spec: SpecFile = {}
  for (const [field, node] of root) {
    switch (field) {
      case 'name':
      case 'append':
        spec[field] = textOf(node, field)
        break
      case 'kernel':
      case 'initrd':
      case 'firmware':
        spec[field] = inFolder(textOf(node, field))
        break
      case 'memory':
        spec.memoryBytes = parseSize(textOf(node, field), `${at(node)}: memory`)
        break
      case 'disks':
        if (!isSeq(node)) throw new OrlopError(`${at(node)}: The field "disks" must be a list of files.`)
        spec.disks = (node.items as ParsedNode[]).map(diskOf)
        break
      case 'net':
        spec.net = parseNetwork(textOf(node, field), `${at(node)}: net`)
        break
      case 'console':
        spec.console = parseConsole(textOf(node, field), `${at(node)}: console`)
        break
      case 'translator':
        spec.translator = parseTranslator(textOf(node, field), `${at(node)}: translator`)
        break
    }
  }
  return spec
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
