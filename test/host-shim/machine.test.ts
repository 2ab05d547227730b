// The machine as the shim makes it, over the built kernel: what it is asked for at its making.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MachineError } from '../../host-shim/error.ts'
import { type Host, instantiate, Machine, memoryFor, planMemory } from '../../host-shim/machine.ts'
import * as abi from '../../hypervisor/abi.ts'
import { tohost } from '../cli/orlop.ts'
import { requireTool } from '../support/tools.ts'

const KERNEL = fileURLToPath(new URL('../../build/out/orlop.wasm', import.meta.url))
const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

/** Clocks, and nothing behind the devices. */
const BARE: Host = {
  now: () => Math.round(performance.now() * 1e6),
  wall: () => Date.now() * 1e6,
  entropy: () => undefined,
  consoleWrite: (_guest, _port, _ptr, length) => length,
  consoleRead: () => 0,
  blockInfo: () => abi.E_BAD_ID,
  blockSubmit: () => abi.E_BAD_ID,
  netSend: () => abi.OK,
  netReceive: () => 0,
}

/** A machine whose guest 0 has written `result` to its `tohost` word. */
function run(result: number, code: 'wasm' | 'none'): Machine {
  assert.ok(existsSync(KERNEL), 'The kernel has not been built yet; run "npm run build" first')
  const module = new WebAssembly.Module(readFileSync(KERNEL))
  const ramBytes = 1 << 20
  const memory = memoryFor(planMemory(ramBytes))
  const machine = new Machine({ door: instantiate({ module, memory, host: BARE, code }), memory })
  const program = tohost(result)
  const bytes = readFileSync(program.flat)
  const id = machine.create({ ramBytes, firmware: true, seed: 1n, tohost: program.symbols.get('tohost') as number })
  const read = (target: Uint8Array, offset: number) => target.set(bytes.subarray(offset, offset + target.length))
  machine.load(id, {
    what: abi.LOAD_PHYSICAL,
    address: abi.GUEST_RAM_BASE,
    source: { name: 'the program', size: bytes.length, read },
  })
  machine.start(id)
  while (machine.run() !== abi.RUN_FINISHED);
  return machine
}

for (const code of ['wasm', 'none'] as const) {
  when(`a guest runs to its end with code "${code}"`, () => {
    const machine = run(7, code)
    assert.equal(machine.state(0), { state: abi.GUEST_STOPPED, reason: abi.STOP_TEST_FAILED, code: 3 })
    assert.is(machine.stats(0).refusals, 0)
  })
}

when('there is no divergence to tell of where the engines agree', () => {
  const machine = run(1, 'wasm')
  try {
    machine.divergence(0)
    assert.unreachable('it told of one')
  } catch (error) {
    assert.instance(error, MachineError)
    assert.is((error as MachineError).code, abi.E_BAD_STATE)
  }
})

test.run()
