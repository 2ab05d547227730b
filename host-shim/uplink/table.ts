// Who belongs to a packet: connections and flows by both ends. The machine's address needs no place in it: it is always the same.

import type { Address } from './address.ts'

export interface Entry<T> {
  /** The port of the machine, and the address and port that it talks to. */
  readonly peerPort: number
  readonly local: Address
  readonly localPort: number
  /** Belongs to the table: the next one with the same ports. */
  sibling: T | undefined
}

export class Table<T extends Entry<T>> {
  size = 0
  private readonly byPorts = new Map<number, T>()
  /** The one found last: packets come in trains. */
  private last: T | undefined

  find(peerPort: number, local: Address, localPort: number): T | undefined {
    const { last } = this
    if (last !== undefined && isOf(last, peerPort, local, localPort)) return last
    let entry = this.byPorts.get(keyOf(peerPort, localPort))
    while (entry !== undefined && !isOf(entry, peerPort, local, localPort)) entry = entry.sibling
    if (entry !== undefined) this.last = entry
    return entry
  }

  /** Adds one that is not there yet. */
  add(entry: T): void {
    const key = keyOf(entry.peerPort, entry.localPort)
    entry.sibling = this.byPorts.get(key)
    this.byPorts.set(key, entry)
    this.size++
  }

  /** Takes one out; false: it is not in it. */
  remove(entry: T): boolean {
    if (this.last === entry) this.last = undefined
    const key = keyOf(entry.peerPort, entry.localPort)
    let before: T | undefined
    let one = this.byPorts.get(key)
    while (one !== undefined && one !== entry) {
      before = one
      one = one.sibling
    }
    if (one === undefined) return false
    if (before !== undefined) before.sibling = entry.sibling
    else if (entry.sibling !== undefined) this.byPorts.set(key, entry.sibling)
    else this.byPorts.delete(key)
    entry.sibling = undefined
    this.size--
    return true
  }

  *[Symbol.iterator](): Generator<T> {
    for (const first of [...this.byPorts.values()]) {
      for (let entry: T | undefined = first; entry !== undefined; ) {
        const next: T | undefined = entry.sibling
        yield entry
        entry = next
      }
    }
  }
}

function keyOf(peerPort: number, localPort: number): number {
  return peerPort * 65536 + localPort
}

function isOf<T>(entry: Entry<T>, peerPort: number, local: Address, localPort: number): boolean {
  return entry.peerPort === peerPort && entry.localPort === localPort && entry.local.equals(local)
}
