// The gateway's name server: guests' names and addresses, and what it leaves to others.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as p from '../packets.ts'
import { clientAt, lease } from './lease.ts'
import {
  CONSUMED,
  GATEWAY4,
  GATEWAY6,
  GATEWAY_MAC,
  ip6Of,
  LINK6,
  macOf,
  NEEDS_CSUM,
  NO_DNS,
  NO_FORWARDING,
  REPLY,
  ROUTE,
  Stage,
} from './stage.ts'

const A = 1
const SOA = 6
const PTR = 12
const AAAA = 28
const OPT = 41
const ANY = 255

function nameOf(text: string): Uint8Array {
  const labels = text === '' ? [] : text.split('.')
  return p.bytes(...labels.map((label) => p.bytes(label.length, Buffer.from(label))), 0)
}

function query(
  name: string | Uint8Array,
  type: number,
  options: { flags?: number; klass?: number; edns?: boolean; id?: number } = {},
): Uint8Array {
  const { flags = 0x0100, klass = 1, edns = false, id = 0xbeef } = options
  const question = p.bytes(typeof name === 'string' ? nameOf(name) : name, p.u16(type), p.u16(klass))
  const opt = edns ? p.bytes(0, p.u16(OPT), p.u16(4096), p.u32(0), p.u16(0)) : p.bytes()
  return p.bytes(p.u16(id), p.u16(flags), p.u16(1), p.u16(0), p.u16(0), p.u16(edns ? 1 : 0), question, opt)
}

interface Record {
  name: string
  type: number
  ttl: number
  data: Uint8Array
}

interface Response {
  id: number
  flags: number
  code: number
  question: string
  answers: Record[]
  authorities: Record[]
  additionals: Record[]
}

/** A name of a message, following pointers backwards; where the next thing is. */
function readName(data: Uint8Array, at: number): [string, number] {
  const labels: string[] = []
  let end = -1
  while (data[at] !== 0) {
    if (data[at]! >= 0xc0) {
      const to = ((data[at]! & 0x3f) << 8) | data[at + 1]!
      if (to >= at) throw new Error('A pointer leads forward')
      if (end < 0) end = at + 2
      at = to
    } else {
      labels.push(Buffer.from(data.slice(at + 1, at + 1 + data[at]!)).toString('latin1'))
      at += 1 + data[at]!
    }
  }
  return [labels.join('.'), end < 0 ? at + 1 : end]
}

function parse(data: Uint8Array): Response {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = 12
  let question = ''
  if (view.getUint16(4) === 1) {
    ;[question, at] = readName(data, at)
    at += 4
  }
  const records = (count: number): Record[] =>
    Array.from({ length: count }, () => {
      const [name, from] = readName(data, at)
      const length = view.getUint16(from + 8)
      const record = {
        name,
        type: view.getUint16(from),
        ttl: view.getUint32(from + 4),
        data: data.slice(from + 10, from + 10 + length),
      }
      if (record.data.length !== length) throw new Error('A record is cut off')
      if (record.type === PTR) record.data = Buffer.from(readName(data, from + 10)[0])
      at = from + 10 + length
      return record
    })
  const flags = view.getUint16(2)
  const response = {
    id: view.getUint16(0),
    flags,
    code: flags & 15,
    question,
    answers: records(view.getUint16(6)),
    authorities: records(view.getUint16(8)),
    additionals: records(view.getUint16(10)),
  }
  if (at !== data.length) throw new Error('Something is behind the last record')
  return response
}

/** A stage with a guest that has asked for an address, and one that asks. */
function village(flags = 0) {
  const stage = new Stage({ flags, domain: 'lab.test' })
  const web = clientAt(stage, 0, { name: 'web' })
  const db = clientAt(stage, 1, { name: 'db-1' })
  const ips = [lease(web)!, lease(db)!]
  stage.mayUse6(web.port, ip6Of(0))
  const send = (message: Uint8Array, to = GATEWAY4, from = ips[1]!) => {
    const ip = p.packet({ from, to }, p.udp({ from: 5353, to: 53 }, message))
    return stage.send(db.port, p.ethernet({ from: macOf(1), to: GATEWAY_MAC }, ip))
  }
  const ask = (name: string, type: number, options: Parameters<typeof query>[2] = {}) => {
    const answer = send(query(name, type, options))
    assert.is(answer.code, REPLY, name)
    return parse(answer.read.data!)
  }
  return { stage, web, db, ips, send, ask }
}

test('a guest is found by its name, with and without the domain, in any case', () => {
  const { ask, ips } = village()
  for (const name of ['web.lab.test', 'web', 'WEB.Lab.TEST', 'wEb']) {
    const response = ask(name, A)
    assert.is(response.code, 0)
    assert.is(response.flags, 0x8580)
    assert.is(response.id, 0xbeef)
    assert.is(response.question, name)
    assert.equal(response.answers, [{ name, type: A, ttl: 10, data: p.ip(ips[0]!) }])
  }
  assert.equal(
    ask('web', AAAA).answers.map(({ data }) => data),
    [p.ip(ip6Of(0))],
  )
  assert.equal(
    ask('web', ANY).answers.map(({ type }) => type),
    [A, AAAA],
  )
  assert.equal(ask('db-1.lab.test', A).answers[0]!.data, p.ip(ips[1]!))
})

test('a name that exists without such a record, and one that does not exist, are told apart', () => {
  const { ask } = village()
  const empty = ask('db-1.lab.test', AAAA)
  assert.equal([empty.code, empty.answers.length], [0, 0])
  assert.equal(
    empty.authorities.map(({ name, type }) => [name, type]),
    [['lab.test', SOA]],
  )
  for (const name of ['nobody.lab.test', 'a.web.lab.test', 'x.y.z.lab.test', 'we.lab.test', 'webb.lab.test']) {
    const response = ask(name, A)
    assert.is(response.code, 3, name)
    assert.is(response.authorities[0]!.type, SOA)
  }
  assert.equal([ask('lab.test', A).code, ask('lab.test', SOA).answers.length], [0, 0])
})

test('gateway and host are names, too', () => {
  const { ask } = village()
  assert.equal(ask('gateway', A).answers[0]!.data, p.ip(GATEWAY4))
  assert.equal(ask('gateway.lab.test', AAAA).answers[0]!.data, p.ip(GATEWAY6))
  assert.equal(ask('host', A).answers[0]!.data, p.ip('192.0.2.1'))
  assert.equal(ask('host.lab.test', AAAA).answers[0]!.data, p.ip('2001:db8:5::1'))
})

test('an address of the network leads to its guest, and one that nobody has to nothing', () => {
  const { ask, ips } = village()
  const last = ips[0]!.split('.')[3]
  assert.equal(ask(`${last}.0.9.10.in-addr.arpa`, PTR).answers[0]!.data, Buffer.from('web.lab.test'))
  assert.equal(ask('1.0.9.10.IN-ADDR.ARPA', PTR).answers[0]!.data, Buffer.from('gateway.lab.test'))
  assert.is(ask('77.0.9.10.in-addr.arpa', PTR).code, 3)
  const digits = [...p.ip(ip6Of(0))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const reverse = `${[...digits].reverse().join('.')}.ip6.arpa`
  assert.equal(ask(reverse, PTR).answers[0]!.data, Buffer.from('web.lab.test'))
  assert.is(ask(reverse.replace(/^./, '0'), PTR).code, 3)
})

test("all other names go on to the uplink's name server", () => {
  const { send } = village()
  const names = [
    'example.org',
    'printer',
    'lab.test.example',
    'xlab.test',
    'test',
    '',
    '1.2.3.4.in-addr.arpa',
    '9.10.in-addr.arpa',
    '256.0.9.10.in-addr.arpa',
    'in-addr.arpa',
    '1.ip6.arpa',
  ]
  for (const name of names) assert.is(send(query(name, A)).code, ROUTE, name)
  assert.is(send(query('web', A, { klass: 3 })).code, ROUTE)
  assert.is(send(query('web', A, { flags: 0x2800 })).code, ROUTE)
})

test('where there is no name server to ask the answer is a failure at once', () => {
  const { stage, send, ips } = village()
  const failsAt = (to: string, from: string) => {
    const answer = send(query('example.org', A), to, from)
    assert.is(answer.code, REPLY)
    const response = parse(answer.read.data!)
    assert.equal(
      [response.code, response.id, answer.read.from, answer.read.to],
      [2, 0xbeef, p.plain(to), p.plain(from)],
    )
  }
  failsAt(LINK6, ip6Of(1, 'fe80::'))
  stage.out4('192.0.2.2', 24, '192.0.2.1', '0.0.0.0')
  failsAt(GATEWAY4, ips[1]!)
  stage.out4('192.0.2.2', 24, '192.0.2.1', '192.0.2.53')
  assert.is(send(query('example.org', A)).code, ROUTE)
  stage.link(false)
  failsAt(GATEWAY4, ips[1]!)
  const closed = village(NO_FORWARDING)
  const refused = closed.send(query('example.org', A))
  assert.is(parse(refused.read.data!).code, 2)
  assert.is(closed.ask('web', A).code, 0)
})

test("names are asked for by IPv6 as well, by TCP they are left to the uplink's server", () => {
  const { stage, db, send, ips } = village()
  const answer = send(query('web', A), GATEWAY6, ip6Of(1))
  assert.is(answer.code, REPLY)
  assert.equal(parse(answer.read.data!).answers[0]!.data, p.ip(ips[0]!))
  assert.is(send(query('example.org', A), GATEWAY6, ip6Of(1)).code, ROUTE)
  for (const [from, to] of [
    [ips[1]!, GATEWAY4],
    [ip6Of(1), GATEWAY6],
  ] as const) {
    const syn = p.packet({ from, to }, p.tcp({ from: 4000, to: 53, flags: p.SYN }))
    assert.is(stage.send(db.port, p.ethernet({ from: macOf(1), to: GATEWAY_MAC }, syn)).code, ROUTE)
  }
})

test('who asks with EDNS is answered with it', () => {
  const { ask } = village()
  assert.equal(
    ask('web', A, { edns: true }).additionals.map(({ type, name }) => [type, name]),
    [[OPT, '']],
  )
  assert.equal(ask('web', A).additionals, [])
})

test('a question that is none is answered as such, and an answer is not answered', () => {
  const { send } = village()
  const code = (message: Uint8Array) => {
    const answer = send(message)
    return answer.code === REPLY ? parse(answer.read.data!).code : `code ${answer.code}`
  }
  const good = query('web', A)
  assert.is(code(good), 0)
  assert.is(code(good.slice(0, 14)), 1)
  assert.is(code(good.slice(0, 12)), 1)
  assert.is(code(good.slice(0, 19)), 1)
  assert.is(code(good.slice(0, 11)), `code ${CONSUMED}`)
  assert.is(code(query('web', A, { flags: 0x8100 })), `code ${CONSUMED}`)
  const two = good.slice()
  two[5] = 2
  assert.is(code(two), 1)
})

test('names that point at themselves, run out of the message, or are too long are refused', () => {
  const { send } = village()
  const bad: [string, Uint8Array][] = [
    ['points at itself', p.bytes(0xc0, 12)],
    ['points ahead', p.bytes(3, Buffer.from('web'), 0xc0, 0x40)],
    ['a label of 64', p.bytes(64, new Uint8Array(64).fill(97), 0)],
    ['labels of 127', p.bytes(...Array.from({ length: 3 }, () => p.bytes(127, new Uint8Array(127).fill(97))), 0)],
    ['longer than 255', p.bytes(...Array.from({ length: 128 }, () => p.bytes(1, 97)), 0)],
    ['without an end', p.bytes(63, new Uint8Array(20).fill(97))],
  ]
  for (const [what, name] of bad) {
    const answer = send(query(name, A))
    assert.is(answer.code, REPLY, what)
    assert.is(parse(answer.read.data!).code, 1, what)
  }
  const longest = p.bytes(...Array.from({ length: 127 }, () => p.bytes(1, 97)), 0)
  assert.is(send(query(longest, A)).code, ROUTE)
})

test('a datagram whose sum is still to be made is answered; one whose sum is wrong is not', () => {
  const { stage, db, ips } = village()
  const frame = p.ethernet(
    { from: macOf(1), to: GATEWAY_MAC },
    p.packet({ from: ips[1]!, to: GATEWAY4 }, p.udp({ from: 9, to: 53 }, query('web', A))),
  )
  frame.set(p.u16(0x1234), 40)
  assert.is(stage.send(db.port, frame).code, CONSUMED)
  assert.is(stage.send(db.port, frame, NEEDS_CSUM).code, REPLY)
})

test('a network without names has a closed port, and says so', () => {
  const { send } = village(NO_DNS)
  const answer = send(query('web', A))
  assert.is(answer.code, REPLY)
  assert.equal([answer.read.type, answer.read.code, answer.read.quoted!.toPort], [3, 3, 53])
})

test('two devices of one guest are both told, and who has left is not', () => {
  const { stage, web, ask, ips } = village()
  const second = clientAt(stage, 5, { name: 'web' })
  const ip = lease(second)!
  assert.equal(
    ask('web', A)
      .answers.map(({ data }) => p.text(data))
      .sort(),
    [ips[0]!, ip].sort(),
  )
  stage.leave(second.port)
  stage.leave(web.port)
  assert.is(ask('web.lab.test', A).code, 3)
})

test.run()
