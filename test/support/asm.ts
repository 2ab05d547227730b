// Assembles small RISC-V test programs (.S and .c) into ELF files and flat binaries, cached under build/out/test.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What Debian 12's assembler knows of our instruction set. */
const MARCH = 'rv64imafdc_zicsr_zifencei_zicbom_zicbop_zicboz_zba_zbb_zbs_zbc'

const OUT = fileURLToPath(new URL('../../build/out/test/', import.meta.url))

/** What to assemble and how. */
export interface AsmOptions {
  /** Paths of .S and .c files; the first one is placed first. */
  sources: string[]
  /** Instruction set. Default: as much of ours as Debian 12's assembler knows. */
  march?: string
  /** Address of the first byte. Default 0x80000000, where RAM begins. */
  base?: number
  /** Preprocessor definitions. */
  define?: Record<string, string | number>
  /** Files the sources include, so that a change of theirs is noticed. */
  includes?: string[]
}

/** The result: two files with the same content, and the addresses of the global symbols. */
export interface Program {
  elf: string
  flat: string
  symbols: Map<string, number>
}

/** Assembles, or finds an earlier result for the same input. Needs `gcc-riscv64-unknown-elf`. */
export function assemble(options: AsmOptions): Program {
  const march = options.march ?? MARCH
  const base = options.base ?? 0x8000_0000
  const defines = Object.entries(options.define ?? {}).map(([name, value]) => `-D${name}=${value}`)
  const hash = createHash('sha256').update(JSON.stringify([march, base, defines, SCRIPT]))
  for (const path of [...options.sources, ...(options.includes ?? [])]) hash.update(readFileSync(path))
  const name = `${basename(options.sources[0] as string).replace(/\.\w+$/, '')}-${hash.digest('hex').slice(0, 12)}`
  const elf = join(OUT, `${name}.elf`)
  const flat = join(OUT, `${name}.bin`)

  if (!existsSync(elf) || !existsSync(flat)) {
    mkdirSync(OUT, { recursive: true })
    const script = join(OUT, 'ram.ld')
    // Every writer writes the same bytes, and a rename is atomic, so parallel test files do not disturb each other.
    replace(script, SCRIPT)
    const work = `${elf}.${process.pid}`
    const flags = [`-march=${march}`, '-mabi=lp64d', '-mcmodel=medany', '-O2', '-nostdlib', '-static', '-ffreestanding']
    const link = [`-Wl,--defsym=BASE=${base}`, `-Wl,-T,${script}`, '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments']
    execFileSync('riscv64-unknown-elf-gcc', [...flags, ...link, ...defines, '-o', work, ...options.sources], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    execFileSync('riscv64-unknown-elf-objcopy', ['-O', 'binary', work, `${flat}.${process.pid}`])
    renameSync(`${flat}.${process.pid}`, flat)
    renameSync(work, elf)
  }
  const listing = execFileSync('riscv64-unknown-elf-nm', [elf], { encoding: 'utf8' })
  const symbols = new Map<string, number>()
  for (const [, address, symbol] of listing.matchAll(/^([0-9a-f]+) \w (\S+)$/gm)) {
    symbols.set(symbol as string, Number.parseInt(address as string, 16))
  }
  return { elf, flat, symbols }
}

/** The assembler text of machine code that lies at `address`, one line an instruction. */
export function disassemble(code: Uint8Array, address = 0x8000_0000): string[] {
  mkdirSync(OUT, { recursive: true })
  const file = join(OUT, `disassemble-${process.pid}`)
  writeFileSync(`${file}.bin`, code)
  // The disassembler knows an extension only if the object file's attributes name it.
  writeFileSync(`${file}.s`, `.attribute arch, "${MARCH}_zawrs_zfh_svinval"\n.text\nnop\n`)
  execFileSync('riscv64-unknown-elf-gcc', [`-march=${MARCH}`, '-mabi=lp64d', '-c', '-o', `${file}.o`, `${file}.s`])
  execFileSync('riscv64-unknown-elf-objcopy', ['--update-section', `.text=${file}.bin`, `${file}.o`])
  const args = ['-M', 'no-aliases,numeric', '-z', `--adjust-vma=${address}`, '-d', `${file}.o`]
  const listing = execFileSync('riscv64-unknown-elf-objdump', args, { encoding: 'utf8' })
  for (const suffix of ['bin', 's', 'o']) rmSync(`${file}.${suffix}`)
  return listing
    .split('\n')
    .filter((line) => /^\s*[0-9a-f]+:\t/.test(line))
    .map((line) => line.trim().replace(/\s+/g, ' '))
}

function replace(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  writeFileSync(`${path}.${process.pid}`, text)
  renameSync(`${path}.${process.pid}`, path)
}

const SCRIPT = `
ENTRY(_start)
SECTIONS {
  . = BASE;
  .text : { *(.text.start) *(.text .text.*) }
  .rodata : { *(.rodata .rodata.* .srodata .srodata.*) }
  .data : ALIGN(16) { PROVIDE(__global_pointer$ = . + 0x800); *(.data .data.* .sdata .sdata.*) }
  .tohost : ALIGN(64) { *(.tohost) }
  .bss : ALIGN(16) { *(.bss .bss.* .sbss .sbss.* COMMON) }
  . = ALIGN(16);
  PROVIDE(_end = .);
  PROVIDE(_stack_top = _end + 0x10000);
  /DISCARD/ : { *(.comment) *(.riscv.attributes) *(.note .note.*) *(.eh_frame) }
}
`
