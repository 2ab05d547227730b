// How other threads reach the CPUs of a machine that runs: the words of its mailbox (MAILBOX_* in hypervisor/abi.ts).
//
// They lie in the machine's own memory, so that a guest that never sleeps is reached as surely as one that always does.

import { MAILBOX_INPUT, MAILBOX_UPLINKS, MAILBOX_WAKE, MAX_CPUS } from '../hypervisor/abi.ts'

export class Control {
  private readonly words: Int32Array

  /** Every thread makes its own; `mailbox` is the address that the kernel gives. */
  constructor(
    memory: WebAssembly.Memory,
    mailbox: number,
    private readonly cpus: number,
  ) {
    this.words = new Int32Array(memory.buffer, mailbox, MAILBOX_WAKE / 4 + MAX_CPUS)
  }

  /** Says that input waits for a guest, or room for its output; any CPU may fetch it. */
  input(guest: number): void {
    this.announce(MAILBOX_INPUT / 4 + (guest >>> 5), guest & 31)
  }

  /** Says that frames wait at an uplink, or room for those that go out; any CPU may see to it. */
  uplink(number: number): void {
    this.announce(MAILBOX_UPLINKS / 4, number)
  }

  /** Ends a CPU's sleep, or its next one, if it is just about to lie down. */
  wake(cpu: number): void {
    Atomics.add(this.words, MAILBOX_WAKE / 4 + cpu, 1)
    Atomics.notify(this.words, MAILBOX_WAKE / 4 + cpu)
  }

  /** Number of a CPU's wakes so far: to be read before looking for work, and given to `sleep` if there was none. */
  wakes(cpu: number): number {
    return Atomics.load(this.words, MAILBOX_WAKE / 4 + cpu)
  }

  /** Sleeps until the next wake after `seen`, or for `ns` nanoseconds. */
  sleep(cpu: number, seen: number, ns: number): void {
    Atomics.wait(this.words, MAILBOX_WAKE / 4 + cpu, seen, ns / 1e6)
  }

  private announce(word: number, bit: number): void {
    Atomics.or(this.words, word, 1 << bit)
    for (let cpu = 0; cpu < this.cpus; cpu++) this.wake(cpu)
  }
}
