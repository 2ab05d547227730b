// `orlop run` refuses what it cannot use, and harms nothing.

import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { orlop } from './orlop.ts'

const folder = mkdtempSync(join(tmpdir(), 'orlop-run-'))

/** A file that looks like a kernel by its header, with this many bytes. */
function image(name: string, imageBytes: number, fileBytes: number): string {
  const path = join(folder, name)
  const header = Buffer.alloc(64)
  header.writeBigUInt64LE(0x20_0000n, 8)
  header.writeBigUInt64LE(BigInt(imageBytes), 16)
  header.writeUInt32LE(2, 32)
  header.write('RISCV\0\0\0', 48)
  header.write('RSC\x05', 56)
  writeFileSync(path, header)
  truncateSync(path, fileBytes)
  return path
}

test('bad input is refused in one sentence with exit code 2, and nothing is written', () => {
  const kernel = image('Image', 1 << 20, 1 << 20)
  const file = (name: string, text: string, size?: number) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    if (size !== undefined) truncateSync(path, size)
    return path
  }
  const odd = file('odd.img', 'x', 1000)
  const spec = file('spec.yaml', `kernel: ${kernel}\nmemmory: 1G\n`)
  const before = state()
  for (const [args, sentence] of [
    [['--kernel', join(folder, 'none')], /The kernel \S*none does not exist/],
    [['--kernel', folder], /is a folder/],
    [['--kernel', '/dev/zero'], /is not a regular file/],
    [['--kernel', image('cut', 32 << 20, 100_000)], /The kernel \S*cut is damaged or not a RISC-V kernel image/],
    [['--kernel', image('short', 1 << 20, 40)], /short is damaged/],
    [['--kernel', file('empty', '')], /empty is empty; get or build it anew/],
    [['--kernel', file('text', 'hello '.repeat(1000))], /text is damaged or not a RISC-V kernel image/],
    [['--kernel', image('large', 200 << 20, 200 << 20)], /large does not fit into the guest's memory/],
    [['--kernel', kernel, '--initrd', file('initrd', '', 200 << 20)], /initrd does not fit into the guest's memory/],
    [['--kernel', kernel, '--initrd', join(folder, 'none')], /The initrd \S*none does not exist/],
    [['--kernel', kernel, '--disk', odd], /odd.img has 1000 bytes, but a disk has a multiple of 512/],
    [['--kernel', kernel, '--disk', join(folder, 'none')], /The disk \S*none does not exist/],
    [[spec], /spec.yaml:2: There is no field "memmory"; allowed are name, memory, /],
    [['--kernel', kernel, '--memory', '0'], /from 1 MiB to 3.8 GiB of memory, not 0 bytes/],
    [['--kernel', kernel, '--memory', '100G'], /not 100 GiB/],
    [['--kernel', kernel, '--append', 'x'.repeat(5000)], /at most 4095 bytes of command line/],
    [['--firmware', file('firmware.elf', '\x7fELF')], /firmware.elf is shorter than an ELF header/],
  ] as const) {
    const { status, stdout, stderr } = orlop(['run', ...args, '--timeout', '180'])
    assert.match(stderr, sentence)
    assert.match(stderr, /^orlop: [A-Z/][^\n]*\.\n$/)
    assert.is(stdout, '')
    assert.is(status, 2, stderr)
  }
  for (const [name, text] of before) assert.is(state().get(name), text)

  function state(): Map<string, string> {
    return new Map(readdirSync(folder).map((name) => [name, hash(readFileSync(join(folder, name)))]))
  }
})

function hash(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

test.after(() => rmSync(folder, { recursive: true }))
test.run()
