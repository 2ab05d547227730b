/** The two sides of the float tests: the room itself, compiled to a module of its own, and real instructions under QEMU. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main as compile } from 'assemblyscript/asc'
import { findProgram, qemuUser, requireOracle } from '../../support/tools.ts'
import { CASE_BYTES, RESULT_BYTES } from './cases.js'
import { Operation } from './operation.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGE = 65536
const CPU = 'rv64,zfa=true,zfhmin=true'

/** Computes the results of a batch of cases. */
export type Side = (cases: Uint32Array) => Uint8Array

/** The room as a wasm module, compiled the way the kernel is. */
export async function compileRoom(): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await compile(
    ['test/cpu/float/entry.ts', '--runtime', 'stub', '-O3', '--noAssert', '--use', 'abort=', '-o', 'float.wasm'],
    {
      // The configuration of the kernel's own build is not for this module.
      readFile: (name, base) => {
        const file = join(ROOT, base, name)
        return name === 'asconfig.json' || !existsSync(file) ? null : readFileSync(file, 'utf8')
      },
      writeFile: (_, contents) => {
        binary = contents as Uint8Array
      },
      listFiles: () => [],
    },
  )
  if (error || !binary) throw new Error(`The float room does not compile: ${stderr.toString()}`, { cause: error })
  if (stderr.toString() !== '')
    throw new Error(`The compiler has something to say about the float room: ${stderr.toString()}`)
  return new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>)
}

/** The room's side. */
export function roomSide(module: WebAssembly.Module): Side {
  const { memory, run } = new WebAssembly.Instance(module).exports as {
    memory: WebAssembly.Memory
    run(cases: number, results: number, count: number): void
  }
  return (cases) => {
    const count = cases.byteLength / CASE_BYTES
    const results = PAGE + cases.byteLength // the first page holds the room's constants
    const lacking = results + count * RESULT_BYTES - memory.buffer.byteLength
    if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE))
    new Uint32Array(memory.buffer).set(cases, PAGE / 4)
    run(PAGE, results, count)
    return new Uint8Array(memory.buffer, results, count * RESULT_BYTES).slice()
  }
}

/** The oracle's side, or one sentence that says what is missing. */
export function oracleSide(): { side: Side; close(): void } | { missing: string } {
  // Unpacked into the cache where it is not there yet; under CI a failure to do so is one of the test.
  const command = requireOracle(qemuUser)
  if (command === undefined) return { missing: 'There is no qemu-riscv64 of version 10 or newer.' }
  const [qemu = '', ...before] = command
  const gcc = findProgram('riscv64-linux-gnu-gcc')
  if (!gcc) return { missing: 'There is no riscv64-linux-gnu-gcc: install gcc-riscv64-linux-gnu.' }

  const folder = mkdtempSync(join(tmpdir(), 'orlop-float-'))
  const close = (): void => rmSync(folder, { recursive: true, force: true })
  const program = join(folder, 'oracle')
  const numbers = Object.entries(Operation)
    .filter(([, number]) => typeof number === 'number')
    .map(([name, number]) => `-D${name}=${number}`)
  const source = join(ROOT, 'test/cpu/float/oracle.c')
  const built = spawnSync(gcc, ['-O2', '-Wall', '-static', '-march=rv64gc', ...numbers, source, '-o', program], {
    encoding: 'utf8',
  })
  if (built.status !== 0) {
    close()
    return { missing: `The oracle does not build: ${built.stderr}` }
  }
  const side: Side = (cases) => {
    const bytes = Buffer.from(cases.buffer, cases.byteOffset, cases.byteLength)
    const ran = spawnSync(qemu, [...before, '-cpu', CPU, program], { input: bytes, maxBuffer: 1 << 30 })
    if (ran.status !== 0)
      throw new Error(`The oracle failed under ${qemu}: ${ran.stderr ?? ran.error}`, { cause: ran.error })
    return ran.stdout
  }
  const trial = new Uint32Array(CASE_BYTES / 4)
  trial[0] = Operation.F64_LITERAL
  try {
    side(trial)
  } catch (error) {
    close()
    return {
      missing: `${qemu} cannot run the oracle: QEMU 10 or newer is needed, for Zfa. ${(error as Error).message}`,
    }
  }
  return { side, close }
}
