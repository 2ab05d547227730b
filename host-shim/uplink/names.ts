// The name server of the link: hands queries to the host's name servers, one after the other, and their answers back.
//
// Where none of them answers, the host itself is asked for addresses: it also knows names from its own tables.

import type { Alarms, Sleeper } from './alarms.ts'
import { type Family, parseAddress } from './address.ts'
import { datagramEnvelope } from './flows.ts'
import { putDatagram } from './fragments.ts'
import type { Link } from './link.ts'
import type { Packet } from './packet.ts'
import { NAMES4, NAMES6 } from './plan.ts'
import { NAMES_PORT } from './route.ts'
import type { Clock, DatagramEvents, Datagrams, Endpoint, Sockets } from './sockets.ts'
import { get16, put16, put32 } from './wire.ts'

const QUERIES_MAX = 1024
/** How long a server may take before the next is asked. */
const PATIENCE_MS = 2_000
const HEADER_BYTES = 12
const NAME_BYTES_MAX = 255
const TYPE_A = 1
const TYPE_AAAA = 28
const CLASS_IN = 1
const RESPONSE = 0x8000
const RECURSION_DESIRED = 0x0100
const RECURSION_AVAILABLE = 0x0080
const SERVFAIL = 2
const NOTIMP = 4
const REFUSED = 5
/** Compressed: the name is that of the question. */
const QUESTIONS_NAME = 0xc000 | HEADER_BYTES
const ANSWER_SECONDS = 60
const ANSWERS_MAX = 16

export interface NamesOptions {
  link: Link
  alarms: Alarms
  clock: Clock
  sockets: Sockets
  mtu: number
}

interface Question {
  name: string
  type: number
  /** Where it ends in the query. */
  end: number
}

class Query implements Sleeper, DatagramEvents {
  wakeAt = 0
  lookAt = 0
  private socket: Datagrams | undefined
  private isOver = false
  /** What a server said that could not help. */
  private poorAnswer: Uint8Array | undefined

  constructor(
    private readonly names: Names,
    private readonly bytes: Uint8Array,
    private readonly family: Family,
    private readonly port: number,
    private readonly servers: Endpoint[],
  ) {}

  /** Asks the next server. */
  ask(): void {
    this.socket?.close()
    this.socket = undefined
    const server = this.servers.shift()
    if (server === undefined) {
      this.askHost()
      return
    }
    const { alarms, clock, sockets } = this.names.options
    alarms.set(this, clock.now() + PATIENCE_MS)
    this.socket = sockets.datagrams(server, this)
    this.socket.send(this.bytes)
  }

  wake(): void {
    this.ask()
  }

  failed(): void {
    if (!this.isOver) this.ask()
  }

  datagram(bytes: Uint8Array): void {
    const isAnswer = bytes.length >= HEADER_BYTES && get16(bytes, 0) === get16(this.bytes, 0) && bytes[2]! >> 7 === 1
    if (this.isOver || !isAnswer) return
    const code = bytes[3]! & 15
    if (code === SERVFAIL || code === NOTIMP || code === REFUSED) {
      this.poorAnswer = bytes
      this.ask()
    } else this.answer(bytes)
  }

  end(): void {
    this.isOver = true
    this.socket?.close()
    this.socket = undefined
    this.names.options.alarms.set(this, 0)
  }

  private askHost(): void {
    this.names.options.alarms.set(this, 0)
    const question = readQuestion(this.bytes)
    if (question === undefined || (question.type !== TYPE_A && question.type !== TYPE_AAAA)) {
      this.answer(this.poorAnswer ?? failure(this.bytes))
      return
    }
    this.names.options.sockets.resolve(question.name, question.type === TYPE_A ? 4 : 6).then(
      (addresses) => this.answer(answerWith(this.bytes, question, addresses)),
      () => this.answer(this.poorAnswer ?? failure(this.bytes)),
    )
  }

  private answer(bytes: Uint8Array): void {
    if (this.isOver) return
    this.end()
    this.names.answer(this, bytes, this.family, this.port)
  }
}

export class Names {
  private readonly queries = new Set<Query>()

  constructor(readonly options: NamesOptions) {}

  get count(): number {
    return this.queries.size
  }

  /** Takes a checked datagram to the name server's port. */
  take(packet: Packet): void {
    const isQuery = packet.dataEnd - packet.dataAt >= HEADER_BYTES && packet.bytes[packet.dataAt + 2]! >> 7 === 0
    if (!isQuery || this.queries.size >= QUERIES_MAX) return
    const bytes = packet.bytes.slice(packet.dataAt, packet.dataEnd)
    const query = new Query(this, bytes, packet.source.family, packet.sourcePort, [
      ...this.options.sockets.nameServers(),
    ])
    this.queries.add(query)
    query.ask()
  }

  /** Hands an answer to the machine. */
  answer(query: Query, bytes: Uint8Array, family: Family, port: number): void {
    this.queries.delete(query)
    const { link, mtu } = this.options
    putDatagram(link, datagramEnvelope(family === 4 ? NAMES4 : NAMES6, NAMES_PORT, port), bytes, mtu)
    link.tell()
  }

  close(): void {
    for (const query of this.queries) query.end()
    this.queries.clear()
  }
}

/** The question of a query that has one as it should be. */
export function readQuestion(bytes: Uint8Array): Question | undefined {
  if (bytes.length < HEADER_BYTES || (bytes[2]! & 0x78) !== 0 || get16(bytes, 4) !== 1) return undefined
  const labels: string[] = []
  let at = HEADER_BYTES
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > 63 || at - HEADER_BYTES > NAME_BYTES_MAX) return undefined
    if (length === 0) break
    const label = String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length))
    // What no name of a host has, the host must not be asked for.
    if (label.length < length || !/^[\w-]+$/.test(label)) return undefined
    labels.push(label)
    at += 1 + length
  }
  if (labels.length === 0 || at + 5 > bytes.length || get16(bytes, at + 3) !== CLASS_IN) return undefined
  return { name: labels.join('.'), type: get16(bytes, at + 1), end: at + 5 }
}

function failure(query: Uint8Array): Uint8Array {
  const answer = query.slice(0, HEADER_BYTES)
  const flags = get16(query, 2) & (0x7800 | RECURSION_DESIRED)
  put16(answer, 2, RESPONSE | flags | RECURSION_AVAILABLE | SERVFAIL)
  answer.fill(0, 4)
  return answer
}

function answerWith(query: Uint8Array, question: Question, addresses: string[]): Uint8Array {
  const family = question.type === TYPE_A ? 4 : 6
  const found = addresses.map(parseAddress).filter((address) => address?.family === family)
  const count = Math.min(found.length, ANSWERS_MAX)
  const dataBytes = family === 4 ? 4 : 16
  const answer = new Uint8Array(question.end + count * (12 + dataBytes))
  answer.set(query.subarray(0, question.end))
  put16(answer, 2, RESPONSE | (get16(query, 2) & RECURSION_DESIRED) | RECURSION_AVAILABLE)
  put16(answer, 4, 1)
  put16(answer, 6, count)
  put32(answer, 8, 0)
  for (let i = 0, at = question.end; i < count; i++, at += 12 + dataBytes) {
    put16(answer, at, QUESTIONS_NAME)
    put16(answer, at + 2, question.type)
    put16(answer, at + 4, CLASS_IN)
    put32(answer, at + 6, ANSWER_SECONDS)
    put16(answer, at + 10, dataBytes)
    found[i]!.write(answer, at + 12)
  }
  return answer
}
