// The one error that the machine's functions throw: a caller's mistake, told by the kernel or found before it.

import * as abi from '../hypervisor/abi.ts'

const MEANINGS = new Map<number, string>([
  [abi.E_BAD_ID, 'There is no guest with this number'],
  [abi.E_BAD_ARG, 'The machine refuses this value'],
  [abi.E_BAD_STATE, 'The guest is not in a state that allows this'],
  [abi.E_NO_MEMORY, 'The machine has not enough memory for this'],
  [abi.E_NO_SPACE, 'This does not fit'],
  [abi.E_BUSY, 'The machine is busy with it'],
  [abi.E_AGAIN, 'The machine cannot do this now'],
  [abi.E_UNSUPPORTED, 'This machine cannot do this'],
  [abi.E_CORRUPT, 'The data is damaged or of another kind'],
  [abi.E_VERSION, 'The data was written by another version'],
  [abi.E_IO, 'Reading or writing failed'],
])

export class MachineError extends Error {
  /** `code` is one of E_* of hypervisor/abi.ts; `message` a sentence that says what to do. */
  constructor(
    readonly code: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'MachineError'
  }
}

/** A guest is lost, and it alone: the process of the host that it was has ended. */
export class LostError extends Error {
  /** `how` goes on after "its process". */
  constructor(
    guest: string,
    readonly how: string,
  ) {
    super(`The process of ${guest} ${how}.`)
    this.name = 'LostError'
  }
}

/** What a code means, as the beginning of a sentence. */
export function meaningOf(code: number): string {
  return MEANINGS.get(code) ?? `The machine answered ${code}`
}
