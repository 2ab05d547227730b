// ELF files are read as the linker wrote them, and damaged ones are refused, whatever the damage.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Elf, isElf } from '../../host-shim/elf.ts'
import { MachineError } from '../../host-shim/error.ts'
import { E_CORRUPT, E_UNSUPPORTED } from '../../hypervisor/abi.ts'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'

const canAssemble = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf')
const when = canAssemble ? test : test.skip

function program(): { file: Uint8Array; flat: Uint8Array; symbols: Map<string, number> } {
  const made = assemble({ sources: [fileURLToPath(new URL('./tohost.S', import.meta.url))] })
  return { file: readFileSync(made.elf), flat: readFileSync(made.flat), symbols: made.symbols }
}

when('segments, entry and symbols are what the linker says', () => {
  const { file, flat, symbols } = program()
  assert.ok(isElf(file))
  const elf = new Elf(file)
  assert.is(elf.entry, 0x8000_0000)
  assert.is(elf.symbol('tohost'), symbols.get('tohost'))
  assert.is(elf.symbol('tohos'), undefined)
  assert.is(elf.physical(symbols.get('tohost')!), symbols.get('tohost'))
  assert.is(elf.physical(0x1000), undefined)

  const memory = new Uint8Array(1 << 16)
  for (const { address, bytes, memoryBytes } of elf.segments) {
    assert.ok(memoryBytes >= bytes.length)
    memory.set(bytes, address - 0x8000_0000)
  }
  assert.is(Buffer.compare(memory.subarray(0, flat.length), flat), 0)
})

when('a file that is cut off anywhere is refused or read, never misread', () => {
  const { file } = program()
  for (let length = 0; length < file.length; length += length < 256 ? 1 : 97) read(file.subarray(0, length))
})

when('a file with any byte of its tables changed is refused or read, never misread', () => {
  const { file } = program()
  const sections = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(40, true))
  const places = [...Array(256).keys(), ...Array.from({ length: file.length - sections }, (_, i) => sections + i)]
  for (const place of places) {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const damaged = new Uint8Array(file)
      damaged[place] = value
      read(damaged)
    }
  }
})

when('programs for other machines, and what is not linked, are told apart from damage', () => {
  const { file } = program()
  const changed = (place: number, value: number) => {
    const copy = new Uint8Array(file)
    copy[place] = value
    return copy
  }
  assert.is(
    codeOf(() => new Elf(changed(18, 62))),
    E_UNSUPPORTED,
  )
  assert.is(
    codeOf(() => new Elf(changed(4, 1))),
    E_UNSUPPORTED,
  )
  assert.is(
    codeOf(() => new Elf(changed(16, 1))),
    E_UNSUPPORTED,
  )
  assert.is(
    codeOf(() => new Elf(changed(1, 0))),
    E_CORRUPT,
  )
})

when('a position-independent program that was linked elsewhere is moved to where RAM begins', () => {
  const { file, symbols } = program()
  const moved = new Uint8Array(file)
  moved[16] = 3
  const [there, here] = [new Elf(file, 'it', 0x9000_0000), new Elf(moved, 'it', 0x9000_0000)]
  assert.is(there.entry, 0x8000_0000)
  assert.is(here.entry, 0x8000_0000 + 0x9000_0000)
  assert.is(here.physical(symbols.get('tohost')!), symbols.get('tohost')! + 0x9000_0000)
  assert.is(here.segments[0]!.address, there.segments[0]!.address + 0x9000_0000)
  assert.is(new Elf(moved, 'it', 0x8000_0000).entry, 0x8000_0000)
})

/** Reads all there is; the only error that may come is ours, and segments lie within the file. */
function read(file: Uint8Array): void {
  try {
    const elf = new Elf(file)
    elf.symbol('tohost')
    for (const { bytes } of elf.segments) assert.ok(bytes.length <= file.length)
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
  }
}

function codeOf(action: () => unknown): number | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof MachineError) return error.code
    throw error
  }
  return undefined
}

test.run()
