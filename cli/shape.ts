// Shapes of YAML: each reads its part of a file, complaining with file, line and field, and says the same as JSON Schema.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml'
import { OrlopError } from './error.ts'
import { parseSize, showSize } from './size.ts'

export type Schema = { [keyword: string]: unknown }
/** What stands at one place of a file; null where a field has no value. */
export type YamlNode = ParsedNode | null

export interface Shape<T> {
  /** The value at `node`. `field` is its name in complaints. Throws OrlopError. */
  read(node: YamlNode, field: string, file: YamlFile): T
  readonly schema: Schema
}

/** What a mapping gives: each field that it has. */
export type Fields<S extends Record<string, Shape<unknown>>> = {
  [K in keyof S]?: S[K] extends Shape<infer T> ? T : never
}

/** A YAML text with the places of all that is in it. */
export class YamlFile {
  readonly root: YamlNode
  private readonly lines = new LineCounter()

  /** `path` is the file's name in messages, and what its paths are relative to. Throws OrlopError: not YAML. */
  constructor(
    text: string,
    readonly path: string,
  ) {
    const document = parseDocument(text, { lineCounter: this.lines })
    const [error] = document.errors
    if (error !== undefined) {
      const reason = error.message.split('\n')[0]?.replace(/ at line \d+.*$/, '')
      throw new OrlopError(`${path}:${error.linePos?.[0].line ?? 1}: This is not YAML: ${reason}.`)
    }
    this.root = document.contents
  }

  at(node: Node | null | undefined): string {
    return `${this.path}:${this.lines.linePos(node?.range?.[0] ?? 0).line}`
  }

  inFolder(name: string): string {
    return resolve(dirname(this.path), name)
  }
}

/** The text of a file that the user named; `what` it is, for messages. */
export function readYaml(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : `cannot be read (${message})`
    throw new OrlopError(`The ${what} ${path} ${why}; give the path of a YAML file.`, 2, { cause })
  }
}

/** Entries of a mapping, after a check that each key is one of `allowed`. */
export function entriesOf(node: YamlNode, what: string, allowed: string[], file: YamlFile): Map<string, YamlNode> {
  if (!isMap(node)) throw new OrlopError(`${file.at(node)}: ${what} must have fields: ${allowed.join(', ')}.`)
  const entries = new Map<string, YamlNode>()
  for (const { key, value } of node.items as { key: ParsedNode; value: YamlNode }[]) {
    const name = isScalar(key) ? String(key.value) : '?'
    if (!allowed.includes(name)) {
      throw new OrlopError(`${file.at(key)}: There is no field "${name}"; allowed are ${allowed.join(', ')}.`)
    }
    entries.set(name, value ?? null)
  }
  return entries
}

function textAt(node: YamlNode, field: string, file: YamlFile): string {
  if (isScalar(node) && typeof node.value === 'string' && node.value !== '') return node.value
  // A bare number is a fine size or text for the reader, who will then say what is wrong with it.
  if (isScalar(node) && typeof node.value === 'number') return String(node.source ?? node.value)
  throw new OrlopError(`${file.at(node)}: The field "${field}" must be a text.`)
}

/** Any text but an empty one. */
export function text(description: string): Shape<string> {
  return { read: textAt, schema: { description, type: ['string', 'number'], minLength: 1 } }
}

/** A path, relative to the file. */
export function path(description: string): Shape<string> {
  return { ...text(description), read: (node, field, file) => file.inFolder(textAt(node, field, file)) }
}

/** A text that must look like `pattern`; `rule` says how, as the end of "must be …". */
export function word(description: string, pattern: RegExp, rule: string): Shape<string> {
  return {
    read(node, field, file) {
      if (isScalar(node) && typeof node.value === 'string' && pattern.test(node.value)) return node.value
      throw new OrlopError(`${file.at(node)}: The field "${field}" must be ${rule}.`)
    },
    schema: { description, type: 'string', pattern: pattern.source },
  }
}

const SIZE = '^\\s*\\d+(\\.\\d+)?\\s*([bB]|[kKmMgGtT]([iI]?[bB])?)\\s*$|^\\s*0+(\\.0+)?\\s*$'

/** A number of bytes within limits, which the schema can only tell in words. */
export function size(description: string, least: number, most: number): Shape<number> {
  const limits = `from ${showSize(least)} to ${showSize(most)}`
  return {
    read(node, field, file) {
      const bytes = parseSize(textAt(node, field, file), `${file.at(node)}: ${field}`)
      if (bytes >= least && bytes <= most) return bytes
      throw new OrlopError(`${file.at(node)}: The field "${field}" must be ${limits}, not ${showSize(bytes)}.`)
    },
    schema: { description: `${description}; ${limits}`, anyOf: [{ type: 'string', pattern: SIZE }, { const: 0 }] },
  }
}

/** A number within limits; a whole one if `isWhole`. */
export function number(description: string, least: number, most: number, isWhole: boolean): Shape<number> {
  return {
    read(node, field, file) {
      const value = isScalar(node) ? node.value : undefined
      const fits = typeof value === 'number' && value >= least && value <= most
      if (fits && (!isWhole || Number.isInteger(value))) return value
      const what = isWhole ? 'a whole number' : 'a number'
      throw new OrlopError(`${file.at(node)}: The field "${field}" must be ${what} from ${least} to ${most}.`)
    },
    schema: { description, type: isWhole ? 'integer' : 'number', minimum: least, maximum: most },
  }
}

export function flag(description: string): Shape<boolean> {
  return {
    read(node, field, file) {
      if (isScalar(node) && typeof node.value === 'boolean') return node.value
      throw new OrlopError(`${file.at(node)}: The field "${field}" must be true or false.`)
    },
    schema: { description, type: 'boolean' },
  }
}

/** One of some words; `parse` refuses all others in its own way. */
export function choice<T extends string>(
  description: string,
  words: readonly T[],
  parse: (text: string, where: string) => T = (given, where) => pick(words, given, where),
): Shape<T> {
  return {
    read: (node, field, file) => parse(textAt(node, field, file), `${file.at(node)}: ${field}`),
    schema: { description, enum: [...words] },
  }
}

function pick<T extends string>(words: readonly T[], given: string, where: string): T {
  const found = words.find((known) => known === given)
  if (found !== undefined) return found
  throw new OrlopError(`${where}: "${given}" is not known here; give ${words.join(' or ')}.`)
}

/** A text that `parse` makes something of; `pattern` is as much of its rules as the schema can tell. */
export function parsed<T>(
  description: string,
  pattern: string,
  parse: (text: string, where: string, file: YamlFile) => T,
): Shape<T> {
  return {
    read: (node, field, file) => parse(textAt(node, field, file), `${file.at(node)}: ${field}`, file),
    schema: { description, type: 'string', pattern },
  }
}

/** A mapping of these fields; `what` it is, for "… must have fields". Those in `required` must be there. */
export function fields<S extends Record<string, Shape<unknown>>>(
  what: string,
  shapes: S,
  required: (keyof S & string)[] = [],
): Shape<Fields<S>> {
  const names = Object.keys(shapes)
  return {
    read(node, _field, file) {
      const entries = entriesOf(node, what, names, file)
      const missing = required.find((name) => !entries.has(name))
      if (missing !== undefined) throw new OrlopError(`${file.at(node)}: ${what} needs the field "${missing}".`)
      return Object.fromEntries(
        [...entries].map(([name, value]) => [name, shapes[name]!.read(value, name, file)]),
      ) as Fields<S>
    },
    schema: {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, shapes[name]!.schema])),
      additionalProperties: false,
      ...(required.length > 0 ? { required } : {}),
    },
  }
}

/** A list of at most `most`; `of` says what it lists, for "… must be a list of …". */
export function list<T>(description: string, of: string, item: Shape<T>, most: number): Shape<T[]> {
  return {
    read(node, field, file) {
      if (!isSeq(node)) throw new OrlopError(`${file.at(node)}: The field "${field}" must be a list of ${of}.`)
      if (node.items.length > most) {
        throw new OrlopError(`${file.at(node)}: The field "${field}" lists ${node.items.length}; the most is ${most}.`)
      }
      return (node.items as YamlNode[]).map((entry) => item.read(entry, field, file))
    },
    schema: { description, type: 'array', items: item.schema, maxItems: most },
  }
}
