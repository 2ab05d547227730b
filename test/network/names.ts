// A name server on the host's loopback that knows three names, and a host whose resolver asks it: a mount namespace, in which
// /etc/resolv.conf and /etc/hosts are the test's.

import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../host-shim/uplink/address.ts'
import { readQuestion } from '../../host-shim/uplink/names.ts'
import { file } from '../cli/lab.ts'
import { ORLOP } from '../cli/orlop.ts'
import { freePort } from '../support/ports.ts'
import { isStrict, MissingTool } from '../support/tools.ts'

/** Names and their addresses. What is long does not fit into a datagram. */
export const KNOWN: Record<string, string[]> = {
  'known.test': ['10.20.30.40', 'fd20:30::40'],
  'long.test': Array.from({ length: 60 }, (_, i) => `10.20.31.${i + 1}`),
}
/** A name that only the host's own table has. */
export const TABLED = { name: 'tabled.test', address: '10.20.30.41' }

const HEADER_BYTES = 12
const DATAGRAM_MOST = 512
const TYPE_A = 1
const TYPE_AAAA = 28
/** A response that recurses, with and without "there is more than this"; and one that says "not I". */
const ANSWERED = 0x8180
const TRUNCATED = 0x8380
const REFUSED = 0x8185

export interface NameServer {
  port: number
  /** How often it was asked by TCP. */
  calls(): number
  close(): void
}

/** Starts it at 127.0.0.1, for UDP and TCP. */
export async function startNameServer(): Promise<NameServer> {
  let calls = 0
  const server = createServer((socket) => {
    let heard = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      heard = Buffer.concat([heard, piece])
      while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
        const query = heard.subarray(2, 2 + heard.readUInt16BE(0))
        heard = heard.subarray(2 + query.length)
        const reply = answer(query)
        calls++
        socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]))
      }
    })
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const datagrams = createSocket('udp4')
  datagrams.on('message', (query, from) => {
    const whole = answer(query)
    datagrams.send(whole.length > DATAGRAM_MOST ? empty(query, TRUNCATED) : whole, from.port, from.address)
  })
  datagrams.bind(port, '127.0.0.1')
  await once(datagrams, 'listening')
  return {
    port,
    calls: () => calls,
    close: () => {
      server.close()
      datagrams.close()
    },
  }
}

function answer(query: Buffer): Buffer {
  const question = readQuestion(query)
  const known = KNOWN[question?.name.toLowerCase() ?? '']
  if (question === undefined || known === undefined) return empty(query, REFUSED)
  const addresses = known
    .map((text) => parseAddress(text)!)
    .filter(({ family }) => question.type === (family === 4 ? TYPE_A : TYPE_AAAA))
  const records = addresses.map((address) => {
    const bytes = address.family === 4 ? 4 : 16
    const record = Buffer.alloc(12 + bytes)
    // A pointer to the question's name; class IN; a minute.
    record.writeUInt16BE(0xc000 | HEADER_BYTES, 0)
    record.writeUInt16BE(question.type, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(60, 6)
    record.writeUInt16BE(bytes, 10)
    address.write(record, 12)
    return record
  })
  const head = Buffer.from(query.subarray(0, question.end))
  head.writeUInt16BE(ANSWERED, 2)
  head.writeUInt16BE(records.length, 6)
  head.fill(0, 8, HEADER_BYTES)
  return Buffer.concat([head, ...records])
}

/** An answer with the question alone. */
function empty(query: Buffer, flags: number): Buffer {
  const reply = Buffer.from(query.subarray(0, readQuestion(query)?.end ?? HEADER_BYTES))
  reply.writeUInt16BE(flags, 2)
  reply.writeUInt16BE(reply.length > HEADER_BYTES ? 1 : 0, 4)
  reply.fill(0, 6, HEADER_BYTES)
  return reply
}

const INSTEAD = 'mount --bind "$1" /etc/resolv.conf; mount --bind "$2" /etc/hosts; shift 2; exec "$@"'

/** Whether a host with names of its own can be made here; says why not, and throws under CI. */
export function canHaveOwnNames(): boolean {
  if (spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0) return true
  if (isStrict()) throw new MissingTool('This user may make no namespaces.')
  process.stderr.write('Skipped: this user may make no namespaces.\n')
  return false
}

/** As `up`, on a host that asks the name server at this port. */
export function upWithNames(fleet: string, port: number): void {
  const resolver = file('resolv.conf', `nameserver 127.0.0.1:${port}\n`)
  const table = file('hosts', `127.0.0.1 localhost\n${TABLED.address} ${TABLED.name}\n`)
  const words = ['sh', '-ec', INSTEAD, 'sh', resolver, table, process.execPath, ORLOP, 'up', '--detach', fleet]
  const { status, stderr } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', ...words], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
}
