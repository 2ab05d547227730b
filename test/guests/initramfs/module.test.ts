// Kernel modules made smaller: nothing that loading needs is lost.

import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readModuleInfo, removeSignature, stripModule } from '../../../guests/initramfs/module.ts'
import { requireTool } from '../../support/tools.ts'
import { bareModule } from '../debian/repository.ts'
import { inScratch } from '../scratch.ts'

const GCC = 'riscv64-linux-gnu-gcc'

/** What the kernel's build appends (scripts/sign-file.c): signature, struct module_signature, mark. */
function sign(module: Buffer, signature: Buffer): Buffer {
  const trailer = Buffer.alloc(12)
  trailer[2] = 2
  trailer.writeUInt32BE(signature.length, 8)
  return Buffer.concat([module, signature, trailer, Buffer.from('~Module signature appended~\n')])
}

test('a signature is removed to the byte, and an unsigned module stays as it is', () => {
  const module = bareModule({ name: 'm' })
  assert.is(removeSignature(sign(module, Buffer.alloc(400, 7))).equals(module), true)
  assert.is(removeSignature(module).equals(module), true)
})

test('a signature longer than the module is refused', () => {
  const bent = sign(Buffer.alloc(20), Buffer.alloc(10))
  bent.writeUInt32BE(1_000_000, 30 + 8)
  assert.throws(() => removeSignature(bent), /damaged signature/)
})

test('a module tells its name, needs, aliases and wishes', () => {
  const info = readModuleInfo(
    bareModule({ name: 'virtio-rng', depends: 'a-b,c', alias: 'virtio:d4v*', softdep: 'pre: crypto-crc32c x post: y' }),
  )
  assert.equal(info, {
    name: 'virtio_rng',
    depends: ['a_b', 'c'],
    aliases: ['virtio:d4v*'],
    before: ['crypto-crc32c', 'x'],
  })
})

test('bytes that are no ELF are refused', () => {
  assert.throws(() => readModuleInfo(Buffer.from('MZ')), /not a whole 64-bit ELF/)
  const cut = bareModule({ name: 'm' }).subarray(0, 100)
  assert.throws(() => stripModule(cut), /not a whole 64-bit ELF/)
})

const SOURCE = `
  static const char info[] __attribute__((section(".modinfo"), used)) = "name=demo";
  static int table[4] = { 1, 2, 3, 4 };
  static int unused_object __attribute__((used)) = 5;
  int (*hook)(int);
  extern int outside(int);
  static __attribute__((noinline)) int inner(int n) { for (int i = 0; i < n; i++) table[i & 3] += outside(i); return table[n & 3]; }
  int entry(int n) { hook = inner; return n > 3 ? inner(n) : hook(n + 1); }
`

test(
  'a stripped module links to the very same program',
  inScratch(async (folder) => {
    if (!requireTool(GCC, 'gcc-riscv64-linux-gnu')) return
    const file = (name: string) => join(folder, name)
    await writeFile(file('demo.c'), SOURCE)
    await writeFile(file('rest.c'), 'int outside(int n) { return n * 3; }')
    execFileSync(GCC, ['-O1', '-g', '-mcmodel=medany', '-c', file('demo.c'), '-o', file('demo.o')])
    execFileSync(GCC, ['-O1', '-c', file('rest.c'), '-o', file('rest.o')])
    // As in a module: debug information is gone, labels are not.
    execFileSync('riscv64-linux-gnu-strip', ['-g', file('demo.o')])
    const before = await readFile(file('demo.o'))
    const after = stripModule(before)
    await writeFile(file('small.o'), after)
    assert.ok(after.length < before.length)

    const link = async (object: string) => {
      execFileSync('riscv64-linux-gnu-ld', [
        '-e',
        'entry',
        '--build-id=none',
        '-s',
        file(object),
        file('rest.o'),
        '-o',
        file(`${object}.elf`),
      ])
      return readFile(file(`${object}.elf`))
    }
    assert.is((await link('demo.o')).equals(await link('small.o')), true)
    const read = (args: string[]) =>
      execFileSync('riscv64-linux-gnu-readelf', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    assert.match(read(['-sW', file('small.o')]), / inner\n/)
    assert.not.match(read(['-sW', file('small.o')]), / unused_object\n/)
    assert.is(readModuleInfo(after).name, 'demo')
  }),
)

test.run()
