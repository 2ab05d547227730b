// Traffic that fills NAT's table: a TCP conversation step by step, and floods.

import * as assert from 'uvu/assert'
import { ACK, FIN, type Payload, RST, SYN, tcp, udp } from '../packets.ts'
import { guest4, type Lab, OUR, PASS, SERVER } from './lab.ts'

/** Places in the table (net/nat/table.ts). */
export const MOST = 60 * 1024 - 1

export const segment = (from: number, to: number, flags: number): Payload => tcp({ from, to, flags })
/** A TCP conversation of guest 0 from port 4000 to port 80, as far as `script` says: ">S" a SYN of the guest, "<SA" its answer. */
export function play(lab: Lab, script: string): void {
  const letters: Record<string, number> = { S: SYN, A: ACK, F: FIN, R: RST }
  for (const step of script.split(' ')) {
    const flags = [...step.slice(1)].reduce((sum, letter) => sum | letters[letter]!, 0)
    if (step[0] === '>') assert.is(lab.outward(0, guest4(0), SERVER, segment(4000, 80, flags)).result, PASS, step)
    else assert.is(lab.inward(SERVER, OUR, segment(80, 4000, flags)).result, PASS, step)
  }
}

/** Does an answer still get through? */
export function isAlive(lab: Lab): boolean {
  return lab.inward(SERVER, OUR, segment(80, 4000, ACK)).result === PASS
}

/** Fills the table with unanswered UDP of a guest, from as many ports as it takes. */
export function flood(lab: Lab, guest: number, count: number, to = 1): void {
  const out = lab.template(guest4(guest), SERVER, udp({ from: 1, to: 1 }))
  for (let i = 0; i < count; i++) {
    const { result } = lab.fast(out.from(1024 + (i % 60_000)).to(to + Math.floor(i / 60_000)), guest)
    if (result !== PASS) assert.unreachable(`packet ${i} is refused`)
    lab.now += 1000
  }
}
