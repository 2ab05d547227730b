// Debian's own virtio_console driver against our multiport device: a terminal, and a port with a name. And a guest of several
// harts. Neither has a word of the command yet, so the door is used directly.

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as abi from '../../hypervisor/abi.ts'
import { Machine, type Spec } from '../vmm/machine.ts'
import { APPEND, debian } from './guests.ts'

/** Boots Debian with a command instead of a shell, until it has switched itself off. */
async function boot(spec: Spec, command: string): Promise<{ machine: Machine; id: number } | undefined> {
  const guest = await debian()
  if (guest === undefined) return undefined
  const machine = new Machine()
  const commandLine = `console=ttyS0 ${APPEND} orlop.run="${command}"`
  const id = machine.create({ ramBytes: 128 << 20, commandLine, ...spec })
  assert.is(machine.load(id, abi.LOAD_KERNEL, readFileSync(guest.kernel)), abi.OK)
  assert.is(machine.load(id, abi.LOAD_INITRD, readFileSync(guest.initrd)), abi.OK)
  assert.is(machine.door.guestStart(id), abi.OK)
  assert.ok(machine.run({ timeoutMs: 120_000 }), machine.said(id))
  assert.is(machine.door.guestStopReason(id), abi.STOP_POWEROFF, machine.said(id))
  return { machine, id }
}

test("Debian's driver finds a console and a named port, and writes to both", async () => {
  const command =
    'cat /sys/class/virtio-ports/*/name; echo to the console > /dev/hvc0; echo to the agent > /dev/vport1p1'
  const booted = await boot({ flags: abi.SPEC_FLAG_VIRTIO_CONSOLE }, command)
  if (booted === undefined) return
  const { machine, id } = booted
  assert.match(machine.said(id), 'orlop.agent')
  assert.match(machine.output.get(`${id}:1`) ?? '', 'to the console')
  assert.match(machine.output.get(`${id}:2`) ?? '', 'to the agent')
})

test("Debian's kernel starts the other harts through SBI and runs on all of them", async () => {
  const booted = await boot({ harts: 4 }, 'nproc; for i in 0 1 2 3; do taskset -c $i true && echo ran on $i; done')
  if (booted === undefined) return
  const said = booted.machine.said(booted.id)
  assert.match(said, /^4\r?$/m)
  for (const hart of [0, 1, 2, 3]) assert.match(said, `ran on ${hart}`)
})

test.run()
