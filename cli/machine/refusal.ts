// What the machine refused, as a sentence for the one who asked.

import { E_NO_MEMORY } from '../../hypervisor/abi.ts'
import { LostError, MachineError } from '../../host-shim/error.ts'
import { OrlopError } from '../error.ts'

/** Has the machine refused with this code, one of E_*? */
export function hasRefused(error: unknown, code: number): boolean {
  return error instanceof MachineError && error.code === code
}

/** The error as a command shows it; `name` is the guest that it is about. */
export function asOrlopError(error: unknown, name?: string): OrlopError {
  if (error instanceof OrlopError) return error
  const about = name === undefined ? '' : `"${name}": `
  if (error instanceof MachineError) {
    const advice = error.code === E_NO_MEMORY ? ' "orlop info" shows what memory there is.' : ''
    const sentence = error.message.endsWith('.') ? error.message : `${error.message}.`
    return new OrlopError(`${about}${sentence}${advice}`, 2, { cause: error })
  }
  if (error instanceof LostError) return new OrlopError(error.message, 1, { cause: error })
  const message = error instanceof Error ? error.message : String(error)
  return new OrlopError(`${about}This is a fault of Orlop itself, please report it: ${message}`, 70, { cause: error })
}
