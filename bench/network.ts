// bench network: how fast guests talk to each other and to the host, and what that costs, in Orlop and between QEMU's guests.
//
// Both machines have the same kernel, the same programs (programs/linux/net.c) and the same wires: guest to guest a network of
// the machine, and QEMU's stream netdev between two of its processes; guest to host the uplink "user", and QEMU's user network;
// and one passt for each of them.

import { randomBytes } from 'node:crypto'
import { type RunningNetwork, startMachine } from '../host-shim/node/main.ts'
import { type System, benchSystem, inQemu, qemuVersion } from './engines.ts'
import { Guest } from './guest.ts'
import { type HostPeer, startHostPeer } from './host-peer.ts'
import type { BenchOptions } from './options.ts'
import { type Better, machineInfo, type Measured, type Report, summarise, worstOf } from './report.ts'
import { wanted } from './rows.ts'
import { hasPasst, PASST, type Passt, startPasst } from './passt.ts'
import { scratchFile } from './scratch.ts'
import { TENANT_BYTES, Tenant } from './tenants.ts'
import { cpuSeconds } from './usage.ts'

export const RUNS = 3
const SECONDS = 3
const CPUS = 2
const PORT = 7777
const SUBNET = '10.99.0'
/** The ends of the wire, and the first guest's ways to the host. */
const MAC = {
  near: '52:54:00:00:00:01',
  far: '52:54:00:00:00:02',
  host: '52:54:00:00:00:03',
  passt: '52:54:00:00:00:04',
}
type Way = 'guest' | 'host' | 'passt'

interface NetworkRow {
  name: string
  unit: string
  better: Better
  goalRatio?: number
  /** What the client does, and with whom. */
  verb: 'send' | 'receive' | 'echo' | 'flood'
  /** To the other guest, or to the host, by the machine's own network or by passt. */
  way: Way
  /** From what the client has printed, and what both sides' processes have used meanwhile. */
  figure(moved: Moved): number
}

/** What one run has moved: bytes, rounds or datagrams, in ns, for CPU seconds of all processes that took part. */
interface Moved {
  count: number
  ns: number
  cpuSeconds: number
}

const gigabits = ({ count, ns }: Moved) => (count * 8) / ns
const microseconds = ({ count, ns }: Moved) => ns / 1000 / count
const perSecond = ({ count, ns }: Moved) => (count * 1e9) / ns
const cpuPerGigabyte = ({ count, cpuSeconds }: Moved) => (cpuSeconds * 1e9) / count

const ROWS: NetworkRow[] = [
  {
    name: 'guest to guest',
    unit: 'Gbit/s',
    better: 'higher',
    goalRatio: 5,
    verb: 'send',
    way: 'guest',
    figure: gigabits,
  },
  { name: 'its CPU', unit: 's/GB', better: 'lower', verb: 'send', way: 'guest', figure: cpuPerGigabyte },
  {
    name: 'round trip',
    unit: 'us',
    better: 'lower',
    goalRatio: 10,
    verb: 'echo',
    way: 'guest',
    figure: microseconds,
  },
  { name: 'small packets', unit: '/s', better: 'higher', verb: 'flood', way: 'guest', figure: perSecond },
  {
    name: 'guest to host',
    unit: 'Gbit/s',
    better: 'higher',
    goalRatio: 1,
    verb: 'send',
    way: 'host',
    figure: gigabits,
  },
  {
    name: 'host to guest',
    unit: 'Gbit/s',
    better: 'higher',
    goalRatio: 1,
    verb: 'receive',
    way: 'host',
    figure: gigabits,
  },
  { name: 'its CPU, to host', unit: 's/GB', better: 'lower', verb: 'send', way: 'host', figure: cpuPerGigabyte },
  {
    name: 'round trip to host',
    unit: 'us',
    better: 'lower',
    goalRatio: 1,
    verb: 'echo',
    way: 'host',
    figure: microseconds,
  },
  { name: 'guest to passt', unit: 'Gbit/s', better: 'higher', verb: 'send', way: 'passt', figure: gigabits },
  { name: 'passt to guest', unit: 'Gbit/s', better: 'higher', verb: 'receive', way: 'passt', figure: gigabits },
  { name: 'round trip to passt', unit: 'us', better: 'lower', verb: 'echo', way: 'passt', figure: microseconds },
]

/** One guest that runs programs, wherever it is. */
interface Peer {
  run(words: string[]): Promise<string>
}

/** Two guests on one wire, the first of them with a way to the host. */
interface Side {
  name: string
  near: Peer
  /** The address at which the host's server is reached. */
  host: string
  passt: Passt | undefined
  /** CPU seconds of all its processes so far. */
  used(): number
  close(): Promise<void>
}

export async function measure(options: BenchOptions): Promise<Report> {
  const isWanted = wanted(
    options.rows,
    ROWS.map(({ name }) => name),
  )
  const rows = ROWS.filter(({ name, way }) => isWanted(name) && (way !== 'passt' || hasPasst()))
  if (!hasPasst()) options.progress('There is no passt here to compare with; its rows are left out')
  const seconds = options.seconds ?? SECONDS
  const system = await benchSystem(['net'], options.progress)
  const host = await startHostPeer()
  const sides: Side[] = []
  const found = new Map(rows.map((row) => [row.name, { ours: [] as number[], reference: [] as number[] }]))
  try {
    options.progress('Starting the guests')
    sides.push(await startOrlop(system, options.cpus ?? CPUS))
    sides.push(await startQemu(system))
    for (let run = 0; run < options.runs; run++) {
      for (const [i, side] of sides.entries()) {
        for (const [key, group] of groupsOf(rows)) {
          const moved = await move(side, group[0]!, host, seconds)
          for (const row of group) found.get(row.name)![i === 0 ? 'ours' : 'reference'].push(row.figure(moved))
          options.progress(`${key}, run ${run + 1} of ${options.runs}, ${side.name}: ${told(group, moved)}`)
        }
      }
    }
  } finally {
    for (const side of sides) {
      await side.close()
      side.passt?.close()
    }
    host.close()
  }
  const measured = rows.map(({ name, unit, better, goalRatio }): Measured => {
    return { row: name, unit, better, goalRatio, ...found.get(name)! }
  })
  const summed = measured.map(summarise)
  const when = new Date().toISOString()
  const machine = { ...machineInfo(), reference: qemuVersion() }
  return { bench: 'network', when, machine, rows: summed, summary: worstOf(summed), details: Object.fromEntries(found) }
}

/** Rows that one run serves. */
function groupsOf(rows: NetworkRow[]): Map<string, NetworkRow[]> {
  const groups = new Map<string, NetworkRow[]>()
  for (const row of rows) {
    const key = `${row.verb}${row.way === 'guest' ? '' : row.way === 'host' ? ' with the host' : ' through passt'}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return groups
}

function told(group: NetworkRow[], moved: Moved): string {
  return group.map(({ unit, figure }) => `${figure(moved).toPrecision(3)} ${unit}`).join(', ')
}

/** Has the near guest do what the row wants. */
async function move(
  { near, host: hostAddress, used }: Side,
  row: NetworkRow,
  host: HostPeer,
  seconds: number,
): Promise<Moved> {
  const address = { guest: `${SUBNET}.2`, host: hostAddress, passt: PASST.host }[row.way]
  const where = [address, `${row.way === 'guest' ? PORT : host.port}`]
  const before = used()
  const output = await near.run(['/net', row.verb, ...where, `${seconds}`])
  const [, count, ns] = /^(?:bytes|rounds|datagrams) (\d+) ns (\d+)$/m.exec(output) ?? []
  if (count === undefined) throw new Error(`The client printed no result: "${output.trim()}"`)
  return { count: Number(count), ns: Number(ns), cpuSeconds: used() - before }
}

async function prepare(near: Peer, far: Peer, passt: Passt | undefined): Promise<void> {
  await near.run(['/net', 'up', MAC.near, `${SUBNET}.1`, '24'])
  if (passt !== undefined) await near.run(['/net', 'up', MAC.passt, PASST.guest, `${PASST.prefix}`])
  await far.run(['/net', 'up', MAC.far, `${SUBNET}.2`, '24'])
  await far.run(['/net', 'serve', `${PORT}`])
}

/** Both guests on one machine, in this very process: so what the host's server uses counts as well. */
async function startOrlop(system: System, cpus: number): Promise<Side> {
  const passt = hasPasst() ? await startPasst('passt-orlop') : undefined
  const machine = startMachine({ cpus, memoryBytes: 4 * TENANT_BYTES })
  const close = () => machine.stop().catch(() => {})
  try {
    const wire = await machine.defineNetwork({ uplink: 'none' })
    const outside = await machine.defineNetwork({ uplink: { user: {} }, gateway: GATEWAY })
    const nic = (network: RunningNetwork, mac: string) => ({
      network,
      mac: Uint8Array.from(Buffer.from(mac.replaceAll(':', ''), 'hex')),
    })
    const nets = [nic(wire, MAC.near), nic(outside, MAC.host)]
    if (passt !== undefined) {
      nets.push(nic(await machine.defineNetwork({ uplink: { stream: { path: passt.path } } }), MAC.passt))
    }
    const near = await Tenant.start(machine, 'near', system, { nets })
    const far = await Tenant.start(machine, 'far', system, { nets: [nic(wire, MAC.far)] })
    await prepare(near, far, passt)
    await near.run(['/net', 'up', MAC.host, '10.98.0.2', '24', '10.98.0.1'])
    const used = () => cpuSeconds(process.pid)
    // The next hop of the uplink "user" is the host.
    return { name: 'Orlop', near, host: '192.0.0.1', passt, used, close }
  } catch (error) {
    await close()
    passt?.close()
    throw error
  }
}

const GATEWAY = {
  mac: Uint8Array.of(2, ...randomBytes(5)),
  outMac: Uint8Array.of(2, ...randomBytes(5)),
  ip4: 0x0a620001,
  prefix4: 24,
  leases: [0x0a620002, 0x0a6200fe] as [number, number],
  domain: 'orlop.internal',
}

/** Two processes of QEMU with a wire between them. */
async function startQemu(system: System): Promise<Side> {
  const path = scratchFile('wire')
  const passt = hasPasst() ? await startPasst('passt-qemu') : undefined
  const wire = (isServer: boolean) => [
    ...['-netdev', `stream,id=wire,server=${isServer ? 'on' : 'off'},addr.type=unix,addr.path=${path}`],
    ...['-device', `virtio-net-device,netdev=wire,mac=${isServer ? MAC.near : MAC.far}`],
  ]
  const user = ['-netdev', 'user,id=user', '-device', `virtio-net-device,netdev=user,mac=${MAC.host}`]
  const plain = { ...system, memory: `${TENANT_BYTES >> 20}M` }
  const third =
    passt === undefined
      ? []
      : [
          ...['-netdev', `stream,id=passt,server=off,addr.type=unix,addr.path=${passt.path}`],
          ...['-device', `virtio-net-device,netdev=passt,mac=${MAC.passt}`],
        ]
  const near = await Guest.start('QEMU (near)', [...inQemu(plain), ...user, ...wire(true), ...third])
  const far = await Guest.start('QEMU (far)', [...inQemu(plain), ...wire(false)])
  const peerOf = (guest: Guest): Peer => ({ run: async (words) => (await guest.run(words)).output })
  await prepare(peerOf(near), peerOf(far), passt)
  await near.run(['/net', 'up', MAC.host, '10.0.2.15', '24', '10.0.2.2'])
  return {
    name: 'QEMU',
    near: peerOf(near),
    host: '10.0.2.2',
    passt,
    used: () => near.used() + far.used(),
    close: async () => void (await Promise.all([near.off(), far.off()])),
  }
}
