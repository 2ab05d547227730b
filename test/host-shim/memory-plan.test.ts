// How a machine's linear memory is divided between its guests' RAM and what its CPUs remember of code.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Host, instantiate, Machine, memoryFor, planMemory, RAM_MAX } from '../../host-shim/machine.ts'
import * as abi from '../../hypervisor/abi.ts'

const PAGE = 65536
const KERNEL = fileURLToPath(new URL('../../build/out/orlop.wasm', import.meta.url))

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

const MIB = 2 ** 20

/** RAM that the guests of a machine may be promised, from little to the most. */
const RAM_SIZES = Array.from({ length: RAM_MAX / MIB / 64 }, (_, i) => (i + 1) * 64 * MIB)

for (const cpus of [1, 2, 3, 4, 8, 16]) {
  test(`caches of decoded code give way to RAM little by little (${cpus} CPUs)`, () => {
    let before = planMemory(0, cpus).codeBytes
    for (const ramBytes of RAM_SIZES) {
      const { bytes, codeBytes } = planMemory(ramBytes, cpus)
      const rest = bytes - cpus * (codeBytes - abi.CODE_BYTES)
      assert.ok(bytes < 2 ** 32, `${bytes} bytes are more than a memory can have`)
      assert.is(codeBytes % PAGE, 0)
      assert.ok(codeBytes >= abi.CODE_BYTES && codeBytes <= before)
      // 64 MiB more RAM, and its frame map, take no more from the caches than that.
      assert.ok(cpus * (before - codeBytes) <= 65 * MIB, `${before / MIB} MiB, then ${codeBytes / MIB} MiB`)
      const own = abi.MACHINE_BYTES + (cpus - 1) * abi.CPU_BYTES + ramBytes
      assert.ok(rest >= own || codeBytes === abi.CODE_BYTES, 'a cache took what was promised to guests')
      before = codeBytes
    }
  })
}

test('a machine with 3.4 GiB of RAM and two CPUs boots, with room for all of it', () => {
  const cpus = 2
  const ramBytes = 3482 * MIB
  const plan = planMemory(ramBytes, cpus)
  assert.ok(plan.codeBytes > 2 * abi.CODE_BYTES && plan.codeBytes < 256 * MIB)
  assert.ok(existsSync(KERNEL), 'The kernel has not been built yet; run "npm run build" first')
  const module = new WebAssembly.Module(readFileSync(KERNEL))
  const memory = memoryFor(plan)
  const door = instantiate({ module, memory, host: BARE, code: 'none' })
  const machine = new Machine({ door, memory, cpus, codeBytes: plan.codeBytes })
  assert.ok(machine.machineStats().frames * abi.PAGE_SIZE >= ramBytes)
})

test.run()
