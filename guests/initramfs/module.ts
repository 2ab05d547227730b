// A kernel module on its way into the initramfs: what it says about itself, and its bytes without what loading never needs.
//
// Debian signs its modules: each costs the guest an RSA check of some hundred million instructions. Their symbol tables
// hold a label for each relaxed jump (215 000 in ext4), and the loader walks them all. Both go, and so does the type
// information; the code, the data and the relocations stay bit for bit.

import { OrlopError } from '../../cli/error.ts'

/** What a module's `.modinfo` section says. */
export interface ModuleInfo {
  /** The name, with `_` for `-`, as modprobe compares them. */
  name: string
  /** Modules that must be there first. */
  depends: string[]
  /** Other names, patterns with `*`, by which the kernel asks for it. */
  aliases: string[]
  /** Names (mostly aliases) that the module wants loaded before itself, though it does not link to them. */
  before: string[]
}

const SIGNATURE_MARK = '~Module signature appended~\n'
/** struct module_signature: algo, hash, id_type, signer_len, key_id_len, 3 bytes pad, big-endian length (include/linux/module_signature.h). */
const SIGNATURE_TRAILER_BYTES = 12

const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const SHT_RELA = 4
const SHT_NOBITS = 8
const SHF_ALLOC = 2
const STB_LOCAL = 0
const STT_NOTYPE = 0
const STT_OBJECT = 1
const SECTION_HEADER_BYTES = 64
const SYMBOL_BYTES = 24
const RELA_BYTES = 24

/** The module without the signature that the build appended, or the same bytes where there is none. */
export function removeSignature(module: Buffer): Buffer {
  const mark = module.length - SIGNATURE_MARK.length
  if (mark < SIGNATURE_TRAILER_BYTES || module.toString('latin1', mark) !== SIGNATURE_MARK) return module
  const trailer = mark - SIGNATURE_TRAILER_BYTES
  const signers = module.readUInt8(trailer + 3) + module.readUInt8(trailer + 4)
  const end = trailer - signers - module.readUInt32BE(trailer + 8)
  if (end <= 0)
    throw new OrlopError(
      'A kernel module has a damaged signature trailer; fetch the kernel again with "orlop pull debian --refresh".',
      1,
    )
  return module.subarray(0, end)
}

/** What the module says about itself. */
export function readModuleInfo(module: Buffer): ModuleInfo {
  const section = readSections(module).find((candidate) => candidate.name === '.modinfo')
  const text = section === undefined ? '' : module.toString('latin1', section.offset, section.offset + section.size)
  const fields = text.split('\0').filter((field) => field.includes('='))
  const all = (key: string) =>
    fields.filter((field) => field.startsWith(`${key}=`)).map((field) => field.slice(key.length + 1))
  const words = (line: string) => line.split(/[\s,]+/).filter((word) => word !== '')
  return {
    name: moduleName(all('name')[0] ?? ''),
    depends: all('depends').flatMap(words).map(moduleName),
    aliases: all('alias'),
    before: all('softdep').flatMap((line) => words(line.match(/(?:^|\s)pre:(.*?)(?:$|\spost:)/)?.[1] ?? '')),
  }
}

/** The one spelling of a module's name: `virtio-rng` and `virtio_rng` are the same. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_')
}

interface Section {
  name: string
  type: number
  flags: number
  offset: number
  size: number
  link: number
  info: number
  align: number
  entrySize: number
  /** The bytes that the new file gets for it. */
  content: Buffer
}

/**
 * The module without symbols that no relocation uses and without type information. Functions keep their names, so
 * that a backtrace in the guest stays readable.
 */
export function stripModule(module: Buffer): Buffer {
  const sections = readSections(module)
  const symtab = sections.find((section) => section.type === SHT_SYMTAB)
  if (symtab === undefined) return module
  const relocations = sections.filter(
    (section) => section.type === SHT_RELA && ((sections[section.info]?.flags ?? 0) & SHF_ALLOC) !== 0,
  )
  const newIndex = keepSymbols(sections, symtab, relocations)
  for (const section of relocations) section.content = renumber(section.content, newIndex)
  for (const section of sections)
    if (section.name === '.BTF' || section.name === '.comment') section.content = Buffer.alloc(0)
  return writeSections(module, sections)
}

/** Replaces the symbol table and its strings by the shorter ones, and gives each old index its new one. */
function keepSymbols(sections: Section[], symtab: Section, relocations: Section[]): Uint32Array {
  const old = symtab.content
  const count = old.length / SYMBOL_BYTES
  const used = new Uint8Array(count)
  for (const { content } of relocations)
    for (let at = 0; at < content.length; at += RELA_BYTES) used[content.readUInt32LE(at + 12)] = 1

  const strtab = sections[symtab.link]
  if (strtab?.type !== SHT_STRTAB)
    throw new OrlopError(
      'A kernel module has no string table; fetch the kernel again with "orlop pull debian --refresh".',
      1,
    )
  const newIndex = new Uint32Array(count)
  const symbols: Buffer[] = []
  const strings: Buffer[] = [Buffer.alloc(1)]
  let stringsBytes = 1
  let locals = 0
  for (let index = 0; index < count; index++) {
    const symbol = Buffer.from(old.subarray(index * SYMBOL_BYTES, (index + 1) * SYMBOL_BYTES))
    const binding = symbol.readUInt8(4) >> 4
    const type = symbol.readUInt8(4) & 15
    const isLabel = binding === STB_LOCAL && (type === STT_NOTYPE || type === STT_OBJECT)
    if (index !== 0 && isLabel && used[index] === 0) continue
    const start = symbol.readUInt32LE(0)
    if (start !== 0) {
      const name = strtab.content.subarray(start, strtab.content.indexOf(0, start) + 1)
      symbol.writeUInt32LE(stringsBytes, 0)
      strings.push(name)
      stringsBytes += name.length
    }
    if (binding === STB_LOCAL) locals++
    newIndex[index] = symbols.length
    symbols.push(symbol)
  }
  symtab.content = Buffer.concat(symbols)
  symtab.info = locals
  strtab.content = Buffer.concat(strings)
  return newIndex
}

function renumber(content: Buffer, newIndex: Uint32Array): Buffer {
  const result = Buffer.from(content)
  for (let at = 0; at < result.length; at += RELA_BYTES)
    result.writeUInt32LE(newIndex[result.readUInt32LE(at + 12)] ?? 0, at + 12)
  return result
}

/** The section headers of a 64-bit little-endian ELF (System V gABI, chapter 4). */
function readSections(elf: Buffer): Section[] {
  if (elf.length < 64 || elf.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw notElf()
  const table = Number(elf.readBigUInt64LE(40))
  const count = elf.readUInt16LE(60)
  if (table + count * SECTION_HEADER_BYTES > elf.length) throw notElf()
  const sections: Section[] = []
  const nameOffsets: number[] = []
  for (let index = 0; index < count; index++) {
    const header = elf.subarray(table + index * SECTION_HEADER_BYTES)
    const type = header.readUInt32LE(4)
    const offset = Number(header.readBigUInt64LE(24))
    const size = Number(header.readBigUInt64LE(32))
    if (type !== SHT_NOBITS && offset + size > elf.length) throw notElf()
    nameOffsets.push(header.readUInt32LE(0))
    sections.push({
      name: '',
      type,
      flags: Number(header.readBigUInt64LE(8)),
      offset,
      size,
      link: header.readUInt32LE(40),
      info: header.readUInt32LE(44),
      align: Number(header.readBigUInt64LE(48)),
      entrySize: Number(header.readBigUInt64LE(56)),
      content: type === SHT_NOBITS ? Buffer.alloc(0) : elf.subarray(offset, offset + size),
    })
  }
  const names = sections[elf.readUInt16LE(62)]?.content ?? Buffer.alloc(0)
  sections.forEach((section, index) => {
    const start = nameOffsets[index] ?? 0
    section.name = names.toString('latin1', start, names.indexOf(0, start))
  })
  return sections
}

/** The file again with each section's new content; section numbers, names, flags and alignments stay. */
function writeSections(elf: Buffer, sections: Section[]): Buffer {
  const oldTable = Number(elf.readBigUInt64LE(40))
  const header = Buffer.from(elf.subarray(0, 64))
  const table = Buffer.from(elf.subarray(oldTable, oldTable + sections.length * SECTION_HEADER_BYTES))
  const parts: Buffer[] = [header]
  let at = header.length
  const pad = (align: number) => {
    const missing = (align - (at % align)) % align
    parts.push(Buffer.alloc(missing))
    at += missing
  }
  sections.forEach((section, index) => {
    if (index === 0) return
    const entry = table.subarray(index * SECTION_HEADER_BYTES)
    pad(Math.max(section.align, 1))
    entry.writeBigUInt64LE(BigInt(at), 24)
    if (section.type !== SHT_NOBITS) entry.writeBigUInt64LE(BigInt(section.content.length), 32)
    if (section.type === SHT_SYMTAB) entry.writeUInt32LE(section.info, 44)
    parts.push(section.content)
    at += section.content.length
  })
  pad(8)
  header.writeBigUInt64LE(BigInt(at), 40)
  return Buffer.concat([...parts, table])
}

function notElf(): OrlopError {
  return new OrlopError(
    'A kernel module is not a whole 64-bit ELF file; fetch the kernel again with "orlop pull debian --refresh".',
    1,
  )
}
