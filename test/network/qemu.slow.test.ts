// A guest of QEMU joins a network of ours by its stream: it and two guests of ours ping each other and exchange files.

import { join } from 'node:path'
import { test } from 'uvu'
import { APPEND, lean, withScript } from '../boot/guests.ts'
import { startQemu } from '../boot/qemu.ts'
import { cleanUp, file, folder, up } from '../cli/lab.ts'
import { OBEY, Shell, withShells } from './debian.ts'
import { fetches, leanText, NO_DHCP, seesLink, settle } from './lean.ts'

test('a guest of QEMU joins the network of two guests, and all exchange files', async () => {
  const system = await lean()
  if (system === undefined) return
  const guest = leanText(system, 'networks: [wire]', NO_DHCP)
  up(
    file(
      'joined.yaml',
      `machine: { cpus: 2, memory: 192M }
networks: { wire: { mode: bridge, uplink: { listen: ./qemu.sock } } }
guests: { alpha: ${guest}, beta: ${guest} }
`,
    ),
  )
  const talk = startQemu({
    guest: withScript(system, folder, OBEY, NO_DHCP),
    memory: '128M',
    append: `${APPEND} console=ttyS0 panic=-1 orlop.run=/test`,
    net: `stream,server=off,reconnect-ms=100,addr.type=unix,addr.path=${join(folder, 'qemu.sock')}`,
  })
  if (talk === undefined) return
  await withShells('joined', ['alpha', 'beta'], async (alpha, beta) => {
    const other = await new Shell('QEMU', 'its guest', talk).ready()
    try {
      const sums = [
        await settle(alpha!, '10.7.2.1', 'fd07::1'),
        await settle(beta!, '10.7.2.2', 'fd07::2'),
        await settle(other, '10.7.2.3', 'fd07::3'),
      ] as const
      await seesLink(alpha!, true)
      for (const address of ['10.7.2.3', 'fd07::3']) await fetches(alpha!, address, sums[2])
      for (const address of ['10.7.2.1', 'fd07::1']) await fetches(other, address, sums[0])
      await fetches(beta!, '10.7.2.3', sums[2])
      await fetches(other, 'fd07::2', sums[1])
      // One of ours to another, with QEMU's on the same wire.
      await fetches(beta!, '10.7.2.1', sums[0])
      // Who is bridged to a network that is lost has lost it.
      other.close()
      await seesLink(beta!, false)
    } finally {
      other.close()
    }
  })
})

test.after(cleanUp)

test.run()
