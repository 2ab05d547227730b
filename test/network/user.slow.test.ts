// A Debian guest behind the uplink "user": addresses, names, and files from the host, over IPv4 and IPv6.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cleanUp, does } from '../cli/lab.ts'
import { Capture } from './capture.ts'
import { debianWithClients, fleet, guestText, pings, type Shell, withShells } from './debian.ts'
import { FILE_SUM, hasLoopback6, LOOPBACKS, serveFile } from './files.ts'
import { canHaveOwnNames, KNOWN, type NameServer, startNameServer, TABLED, upWithNames } from './names.ts'
import { canHaveTshark, countOf, dissect, faultsOf } from './tshark.ts'

/** What the C library makes of a name: addresses, each once. */
async function lookUp(shell: Shell, name: string, family: 4 | 6): Promise<string[]> {
  const { status, output } = await shell.tries(`getent ahostsv${family} ${name}`)
  assert.ok(status === 0 || status === 2, output)
  const found = output.split('\n').flatMap((line) => /^\S+/.exec(line) ?? [])
  return [...new Set(found)].sort()
}

async function checkAddresses(sole: Shell): Promise<void> {
  assert.is(await sole.address(4), '10.77.0.9')
  assert.match(await sole.address(6), /^fd77::/)
  assert.match(await sole.does('ip -c=never -4 route show default'), /^default via 10\.77\.0\.1 dev eth0 proto dhcp/)
  assert.match(await sole.does('ip -c=never -6 route show default'), /^default via fe80::[0-9a-f:]+ dev eth0 proto ra/)
  const resolver = await sole.does('cat /etc/resolv.conf')
  assert.match(resolver, /^(domain|search) orlop\.internal$/m)
  assert.match(resolver, /^nameserver 10\.77\.0\.1$/m)
  assert.match(resolver, /^nameserver fd77::1$/m)
  assert.is(await sole.does('cat /proc/sys/kernel/hostname'), 'sole.orlop.internal')
}

async function checkNames(sole: Shell, server: NameServer): Promise<void> {
  assert.equal(await lookUp(sole, 'sole', 4), ['10.77.0.9'])
  assert.equal(await lookUp(sole, 'sole.orlop.internal', 6), [await sole.address(6)])
  assert.equal(await lookUp(sole, 'gateway', 4), ['10.77.0.1'])
  assert.match(await sole.does('getent hosts 10.77.0.9'), /^10\.77\.0\.9 +sole\.orlop\.internal$/)
  const [four = '', six = ''] = KNOWN['known.test']!
  assert.equal(await lookUp(sole, 'known.test', 4), [four])
  assert.equal(await lookUp(sole, 'known.test', 6), [six])
  assert.equal(await lookUp(sole, TABLED.name, 4), [TABLED.address])
  assert.equal(await lookUp(sole, 'nobody.test', 4), [])
  assert.equal(await lookUp(sole, 'nobody.orlop.internal', 4), [])
  assert.is(server.calls(), 0)
  assert.equal(await lookUp(sole, 'long.test', 4), [...KNOWN['long.test']!].sort())
  assert.ok(server.calls() > 0, 'what is too long for a datagram was not asked for by TCP')
}

/** The host answers pings of any size, in pieces where there must be some. */
async function checkPings(sole: Shell): Promise<void> {
  for (const options of ['-4 -s 1472 -M do', '-6 -s 1452 -M do', '-4 -s 5000', '-6 -s 5000']) {
    await pings(sole, 'host', options)
  }
}

/** Gives the port of the host at which there was a web server. */
async function checkFetch(sole: Shell, family: 4 | 6): Promise<number> {
  const server = await serveFile(family)
  try {
    const url = `http://host:${server.port}/file`
    await sole.does(`curl -sS -${family} -o got ${url}`)
    assert.is(await sole.does('sha256sum got'), `${FILE_SUM}  got`)
    assert.is(await sole.does(`curl -sS -${family} -T got ${url}`), FILE_SUM)
    assert.equal(server.peers, [LOOPBACKS[family], LOOPBACKS[family]])
    return server.port
  } finally {
    server.close()
  }
}

test('a Debian guest gets its addresses by dhcpcd, resolves names, and exchanges a file with the host', async () => {
  const system = await debianWithClients()
  if (system === undefined || !canHaveOwnNames() || !canHaveTshark()) return
  const server = await startNameServer()
  try {
    const sole = `sole: ${guestText(system, 'networks: [{ network: lan, address: 10.77.0.9 }], autostart: false')}`
    upWithNames(fleet('user', 'lan: { subnet: 10.77.0.0/24, subnet6: "fd77::/64" }', [sole]), server.port)
    const capture = await Capture.begin('user', 'sole')
    const outer = await Capture.begin('user', 'lan/uplink')
    does('start', '--machine', 'user', 'sole')
    await withShells('user', ['sole'], async (sole) => {
      await sole!.getAddresses()
      await checkAddresses(sole!)
      await checkNames(sole!, server)
      await checkPings(sole!)
      const ports = [await checkFetch(sole!, 4)]
      if (hasLoopback6()) ports.push(await checkFetch(sole!, 6))
      const spoken = ports.map((port) => `tcp.port==${port},http`)
      const frames = dissect(await capture.end(), spoken)
      assert.equal(faultsOf(frames), [])
      for (const name of ['arp', 'dhcp', 'dns', 'icmpv6', 'tcp'])
        assert.ok(countOf(frames, name) > 0, `there is no ${name}`)
      const outside = dissect(await outer.end(), spoken)
      assert.equal(faultsOf(outside), [])
      for (const name of ['arp', 'dns', 'icmpv6', 'tcp']) assert.ok(countOf(outside, name) > 0, `there is no ${name}`)
      assert.not.ok(outside.some(({ summary }) => summary.includes('10.77.0.9')))
    })
  } finally {
    server.close()
  }
})

test.after(cleanUp)

test.run()
