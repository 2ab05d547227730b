// Datagrams in fragments through NAT, in order and out of order.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  bytes,
  echo,
  ethernet,
  faults,
  fragments,
  type Ip,
  type Payload,
  plain,
  read,
  tcp,
  udp,
  whole,
} from '../packets.ts'
import { DROP, guest4, guest6, INSIDE, Lab, OUR, OUR6, PASS, S, SERVER, SERVER6 } from './lab.ts'

const CONTENT = Uint8Array.from({ length: 3000 }, (_, i) => i * 11)

const FAMILIES = [
  { name: 'IPv4', v6: false, guest: guest4, our: OUR, server: SERVER },
  { name: 'IPv6', v6: true, guest: guest6, our: OUR6, server: SERVER6 },
]

function cut(header: Ip, payload: Payload, size = 1024): Uint8Array[] {
  return fragments(header, payload, size).map((piece) => ethernet({}, piece))
}

/** All orders of three. */
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

for (const { name, v6, guest, our, server } of FAMILIES) {
  for (const order of ORDERS) {
    test(`fragments of a guest over ${name} in the order ${order} leave as one datagram of ours`, () => {
      const lab = new Lab()
      const pieces = cut({ from: guest(0), to: server, id: 4711 }, udp({ from: 5000, to: 80 }, CONTENT))
      const out = order.map((i) => lab.sendOut(0, pieces[i]!))
      for (const { result } of out) assert.is(result, PASS)
      const made = whole(out.map(({ frame }) => frame!))
      if (!v6) assert.equal(faults(made), [])
      assert.is(read(made).from, plain(our))
      assert.is(read(made).fromPort, 5000)
      assert.equal(read(made).data, CONTENT)
    })

    test(`fragments from outside over ${name} in the order ${order} reach the guest as one datagram`, () => {
      const lab = new Lab()
      lab.outward(1, guest(1), server, udp({ from: 5000, to: 80 }))
      const port = lab.outward(0, guest(0), server, udp({ from: 5000, to: 80 })).read!.fromPort!
      const pieces = cut({ from: server, to: our, id: 4711 }, udp({ from: 80, to: port }, CONTENT))
      const got: Uint8Array[] = []
      for (const i of order) {
        const { result, frame } = lab.sendIn(pieces[i]!)
        const isEarly = !order.slice(0, order.indexOf(i) + 1).includes(0)
        assert.is(result, isEarly ? DROP : PASS)
        if (frame !== undefined) got.push(frame, ...lab.released())
      }
      assert.is(got.length, 3)
      for (const frame of got) assert.is(read(frame).to, plain(guest(0)))
      for (const frame of got) assert.is(read(frame).ttl, 63)
      const made = whole(got)
      assert.equal(faults(made), [])
      assert.is(read(made).toPort, 5000)
      assert.equal(read(made).data, CONTENT)
    })
  }

  test(`fragments of an echo over ${name} go there and back`, () => {
    const lab = new Lab()
    lab.outward(1, guest(1), server, echo(v6, false, 9, 1))
    const there = cut({ from: guest(0), to: server, id: 1 }, echo(v6, false, 9, 1, CONTENT)).map((piece) =>
      lab.sendOut(0, piece),
    )
    const asked = whole(there.map(({ frame }) => frame!))
    assert.equal(faults(asked), [])
    const id = read(asked).echo!
    assert.is.not(id, 9)
    const back = cut({ from: server, to: our, id: 2 }, echo(v6, true, id, 1, CONTENT)).map((piece) => lab.sendIn(piece))
    const made = whole(back.map(({ frame }) => frame!))
    assert.equal(faults(made), [])
    assert.is(read(made).echo, 9)
    assert.is(read(made).to, plain(guest(0)))
  })

  test(`later fragments over ${name} follow the first for 30 s`, () => {
    const lab = new Lab()
    lab.outward(0, guest(0), server, udp({ from: 5000, to: 80 }))
    const pieces = cut({ from: server, to: our, id: 5 }, udp({ from: 80, to: 5000 }, CONTENT))
    assert.is(lab.sendIn(pieces[0]!).result, PASS)
    lab.now += 30 * S
    assert.is(lab.sendIn(pieces[1]!).result, PASS)
    lab.now += 1
    assert.is(lab.sendIn(pieces[2]!).result, DROP)
  })

  test(`fragments over ${name} that belong to nothing reach nobody`, () => {
    const lab = new Lab()
    lab.outward(0, guest(0), server, udp({ from: 5000, to: 80 }))
    const pieces = cut({ from: server, to: our, id: 5 }, udp({ from: 80, to: 5000 }, CONTENT))
    const others = [
      cut({ from: server, to: our, id: 6 }, udp({ from: 80, to: 5000 }, CONTENT)),
      cut({ from: v6 ? '2001:db8:80::81' : '198.51.100.81', to: our, id: 5 }, udp({ from: 80, to: 5000 }, CONTENT)),
    ]
    assert.is(lab.sendIn(pieces[0]!).result, PASS)
    for (const other of others) assert.is(lab.sendIn(other[1]!).result, DROP)
    assert.equal(lab.released(), [])
    assert.is(lab.sendIn(pieces[1]!).result, PASS)
  })

  test(`a first fragment over ${name} to a port that nobody has reaches nobody, nor do those that waited for it`, () => {
    const lab = new Lab()
    const pieces = cut({ from: server, to: our, id: 5 }, udp({ from: 80, to: 5000 }, CONTENT))
    assert.is(lab.sendIn(pieces[1]!).result, DROP)
    assert.is.not(lab.sendIn(pieces[0]!).result, PASS)
    assert.equal(lab.released(), [])
  })

  test(`fragments over ${name} wait 2 s for their first, and no longer`, () => {
    for (const [ns, count] of [
      [2 * S, 1],
      [2 * S + 1, 0],
    ] as const) {
      const lab = new Lab()
      lab.outward(0, guest(0), server, udp({ from: 5000, to: 80 }))
      const pieces = cut({ from: server, to: our, id: 5 }, udp({ from: 80, to: 5000 }, CONTENT))
      lab.sendIn(pieces[1]!)
      lab.now += ns
      assert.is(lab.sendIn(pieces[0]!).result, PASS)
      assert.is(lab.released().length, count)
    }
  })
}

test('a fragment whose body lies elsewhere waits as a whole; one that is still with a guest, or too long, does not', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 5000, to: 80 }))
  const send = (id: number, size: number, how: { headBytes: number; inChain?: boolean }) => {
    const pieces = cut({ from: SERVER, to: OUR, id }, udp({ from: 80, to: 5000 }, new Uint8Array(5000).fill(id)), size)
    lab.sendIn(pieces[1]!, how)
    assert.is(lab.sendIn(pieces[0]!).result, PASS)
    return lab.released().length
  }
  assert.is(send(1, 1400, { headBytes: 256 }), 1)
  assert.is(send(2, 1400, { headBytes: 256, inChain: true }), 0)
  assert.is(send(3, 2016, { headBytes: 4000 }), 0)
  assert.is(send(4, 2008, { headBytes: 4000 }), 1)
})

test('fragments from one guest to another by a published port arrive, in order', () => {
  const lab = new Lab()
  assert.is(lab.kernel.publish(0, 17, 8000, 1, 1, 0, 80), 0)
  const pieces = cut({ from: guest4(0), to: OUR, id: 5 }, udp({ from: 5000, to: 8000 }, CONTENT))
  assert.is(lab.sendOut(0, pieces[1]!).result, DROP, 'before its first')
  const there = pieces.map((piece) => lab.sendOut(0, piece))
  for (const { result } of there) assert.is(result, INSIDE)
  const made = whole(there.map(({ frame }) => frame!))
  assert.equal(faults(made), [])
  assert.is(read(made).to, guest4(1))
  assert.is(read(made).toPort, 80)
})

test('fragments that overlap a header of TCP, or cut one, go nowhere', () => {
  const lab = new Lab()
  const pieces = cut({ from: guest4(0), to: SERVER, id: 5 }, tcp({ from: 5000, to: 80, flags: 2 }, CONTENT), 8)
  assert.is(lab.sendOut(0, pieces[0]!).result, DROP)
  assert.is(lab.sendOut(0, pieces[1]!).result, DROP)
  assert.is(lab.sendOut(0, pieces[2]!).result, DROP)
})

test('a guest that sends thousands of first fragments takes nothing from another that sends few', () => {
  const lab = new Lab()
  const rest = cut({ from: guest4(1), to: OUR, id: 9 }, udp({ from: 5000, to: 8000 }, CONTENT))
  lab.kernel.publish(0, 17, 8000, 1, 2, 0, 80)
  assert.is(lab.sendOut(1, rest[0]!).result, INSIDE)
  for (let id = 0; id < 20_000; id++) {
    lab.sendOut(
      0,
      cut({ from: guest4(0), to: SERVER, id }, udp({ from: 5000, to: 80 }, bytes(...new Uint8Array(16))), 16)[0]!,
    )
    lab.now += 1000
  }
  assert.is(lab.sendOut(1, rest[1]!).result, INSIDE)
  assert.is(lab.sendOut(1, rest[2]!).result, INSIDE)
})

test('a late fragment of a conversation that has ended does not follow the next one in its place', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 5000, to: 80 }))
  const pieces = cut({ from: SERVER, to: OUR, id: 7 }, udp({ from: 80, to: 5000 }, CONTENT))
  assert.is(lab.sendIn(pieces[0]!).result, PASS)
  lab.kernel.unplug(0, 0, 0)
  assert.is(lab.outward(1, guest4(1), SERVER, udp({ from: 5000, to: 80 })).read?.fromPort, 5000)
  assert.is(lab.kernel.used(), 1, 'it is in the same place')
  assert.is(lab.sendIn(pieces[1]!).result, DROP)
})

test('many fragments without a first take one place after the other, and none for long', () => {
  const lab = new Lab()
  lab.outward(0, guest4(0), SERVER, udp({ from: 5000, to: 80 }))
  const pieces = cut({ from: SERVER, to: OUR, id: 7 }, udp({ from: 80, to: 5000 }, CONTENT))
  for (let id = 100; id < 1100; id++) {
    lab.sendIn(cut({ from: SERVER, to: OUR, id }, udp({ from: 80, to: 5000 }, CONTENT))[1]!)
    lab.now += 1000
  }
  lab.sendIn(pieces[1]!)
  assert.is(lab.sendIn(pieces[0]!).result, PASS)
  assert.is(lab.released().length, 1)
})

test.run()
