// Code that the kernel makes becomes callable through its table, and what cannot be taken leaves everything as it was.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import initWabt from 'wabt'
import { makeCode, NO_CODE } from '../../host-shim/code.ts'
import { prepareEngine } from '../../host-shim/node/engine.ts'
import * as abi from '../../hypervisor/abi.ts'

const wabt = await initWabt()
const AT = 4096

prepareEngine()

/** A module as the kernel makes them: it imports the memory, and its functions are called 0, 1, … */
function compile(functions: string, imports = ''): Uint8Array {
  const wat = `(module ${imports} (import "o" "m" (memory 1 65536 shared)) ${functions})`
  const features = { threads: true, simd: true, relaxed_simd: true }
  return wabt.parseWat('code.wat', wat, features).toBinary({}).buffer
}

const PAIR = compile(`
  (func (export "0") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "1") (param i32) (result i64) (i64.const -1))`)

function host(maximum?: number) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true })
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2, ...(maximum !== undefined && { maximum }) })
  const warnings: string[] = []
  const calls: unknown[][] = []
  const callCode = (...words: unknown[]) => calls.push(words)
  const code = makeCode({ memory, kernel: () => ({ table, callCode }), warn: (text) => warnings.push(text) })
  const put = (bytes: Uint8Array) => new Uint8Array(memory.buffer).set(bytes, AT)
  return { memory, table, warnings, calls, code, put }
}

test('functions are callable from their slots on, over the memory of the machine', () => {
  const { memory, table, code, put, warnings } = host()
  put(PAIR)
  assert.is(code.codeInstall(AT, PAIR.length, 70, 2), abi.OK)
  assert.is(table.length, 72)
  new DataView(memory.buffer).setBigInt64(8, 1234n, true)
  assert.is(table.get(70)(8), 1234n)
  assert.is(table.get(71)(8), -1n)
  assert.is(table.get(69), null)
  assert.equal(warnings, [])
})

test('code can call the function of the kernel that runs what other modules have', () => {
  const { table, calls, code, put } = host()
  const caller = compile(
    '(func (export "0") (call $kernel (i32.const 1) (i32.const 2) (i64.const 3) (i32.const 4)) (drop))',
    '(import "o" "c" (func $kernel (param i32 i32 i64 i32) (result i32)))',
  )
  put(caller)
  assert.is(code.codeInstall(AT, caller.length, 0, 1), abi.OK)
  table.get(0)()
  assert.equal(calls, [[1, 2, 3n, 4]])
})

test('the bytes may be overwritten as soon as they are installed', () => {
  const { table, code, put } = host()
  put(PAIR)
  code.codeInstall(AT, PAIR.length, 1, 2)
  put(new Uint8Array(PAIR.length).fill(0xff))
  assert.is(table.get(2)(0), -1n)
})

test('a table that is long enough does not grow, and slots can be used again', () => {
  const { table, code, put } = host()
  put(PAIR)
  code.codeInstall(AT, PAIR.length, 8, 2)
  code.codeRemove(8, 2)
  assert.is(table.length, 10)
  assert.equal([table.get(8), table.get(9)], [null, null])
  assert.is(code.codeInstall(AT, PAIR.length, 8, 2), abi.OK)
  assert.is(table.length, 10)
  assert.is(table.get(9)(0), -1n)
})

test('removing empties only what it names, even beyond the end of the table', () => {
  const { table, code, put } = host()
  put(PAIR)
  code.codeInstall(AT, PAIR.length, 2, 2)
  code.codeRemove(3, 100)
  assert.is.not(table.get(2), null)
  assert.is(table.get(3), null)
  assert.is(table.length, 4)
})

test('bytes that are no module are refused, which is told once', () => {
  const { table, code, put, warnings } = host()
  put(PAIR.subarray(0, PAIR.length - 1))
  assert.is(code.codeInstall(AT, PAIR.length, 8, 2), abi.E_UNSUPPORTED)
  assert.is(code.codeInstall(AT, 4, 8, 2), abi.E_UNSUPPORTED)
  assert.is(table.length, 2)
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /^The engine refuses translated code, please report it: .*\.$/)
})

test('a module that imports something else is refused', () => {
  const { code, put, table } = host()
  const greedy = compile('(import "o" "f" (func)) (func (export "0"))')
  put(greedy)
  assert.is(code.codeInstall(AT, greedy.length, 8, 1), abi.E_UNSUPPORTED)
  assert.is(table.length, 2)
})

test('a table that cannot grow means: not now, and nothing has changed', () => {
  const { code, put, table, warnings } = host(9)
  put(PAIR)
  assert.is(code.codeInstall(AT, PAIR.length, 8, 2), abi.E_NO_MEMORY)
  assert.is(table.length, 2)
  assert.is(code.codeInstall(AT, PAIR.length, 7, 2), abi.OK)
  assert.equal(warnings, [])
})

test('a host without code says so for everything', () => {
  assert.is(NO_CODE.codeInstall(AT, 8, 0, 1), abi.E_UNSUPPORTED)
  NO_CODE.codeRemove(0, 1)
})

test('the engine takes a relaxed multiply-add after it was prepared', () => {
  const { code, put, table } = host()
  const madd = compile(`
    (func (export "0") (param f64 f64 f64) (result f64)
      (f64x2.extract_lane 0 (f64x2.relaxed_madd
        (f64x2.splat (local.get 0)) (f64x2.splat (local.get 1)) (f64x2.splat (local.get 2)))))`)
  put(madd)
  assert.is(code.codeInstall(AT, madd.length, 0, 1), abi.OK)
  assert.is(table.get(0)(3, 5, 7), 22)
})

test.run()
