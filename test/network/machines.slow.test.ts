// Two machines on one wire: the one listens, the other one calls. Their guests talk over IPv4 and IPv6; each machine is lost
// once and comes back, which the other's guest sees at its link.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lean } from '../boot/guests.ts'
import { cleanUp, does, file, up } from '../cli/lab.ts'
import { type Shell, withShells } from './debian.ts'
import { fetches, leanText, NO_DHCP, seesLink, settle } from './lean.ts'

interface End {
  name: string
  ip4: string
  ip6: string
  fleet: string
}

function end(name: string, uplink: string, number: number, guest: string): End {
  const fleet = file(
    `${name}.yaml`,
    `machine: { cpus: 1, memory: 128M }
networks: { wire: { mode: bridge, uplink: { ${uplink}: ./join.sock } } }
guests: { sole: ${guest} }
`,
  )
  return { name, fleet, ip4: `10.7.1.${number}`, ip6: `fd07::${number}` }
}

/** Starts `one`, whose guest and `other`'s, that is there and settled, exchange files; then it is killed. */
async function meet(one: End, other: End, shell: Shell, sum: string): Promise<void> {
  const { pid } = up(one.fleet)
  await withShells(one.name, ['sole'], async (guest) => {
    const own = await settle(guest!, one.ip4, one.ip6)
    await seesLink(shell, true)
    await seesLink(guest!, true)
    for (const address of [one.ip4, one.ip6]) await fetches(shell, address, own)
    for (const address of [other.ip4, other.ip6]) await fetches(guest!, address, sum)
    process.kill(pid, 'SIGKILL')
    await seesLink(shell, false)
    assert.is((await shell.tries(`ping -c 1 -W 1 ${one.ip4}`)).status, 1)
  })
}

test('guests of two machines that join by a stream exchange files, and see at their links when one is lost', async () => {
  const system = await lean()
  if (system === undefined) return
  const guest = leanText(system, 'networks: [wire]', NO_DHCP)
  const caller = end('caller', 'stream', 1, guest)
  const called = end('called', 'listen', 2, guest)
  // Whoever calls may be there first.
  up(caller.fleet)
  await withShells('caller', ['sole'], async (shell) => {
    const sum = await settle(shell!, caller.ip4, caller.ip6)
    await seesLink(shell!, false)
    await meet(called, caller, shell!, sum)
    assert.match(does('events', '--machine', 'caller'), /wire: No uplink to .*join\.sock: .*; trying again/)
    await meet(called, caller, shell!, sum)
  })
  // And so may whoever is called.
  up(called.fleet)
  await withShells('called', ['sole'], async (shell) => {
    const sum = await settle(shell!, called.ip4, called.ip6)
    await seesLink(shell!, false)
    await meet(caller, called, shell!, sum)
    await meet(caller, called, shell!, sum)
  })
})

test.after(cleanUp)

test.run()
