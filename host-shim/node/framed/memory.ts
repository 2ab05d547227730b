// What this process has of the memory of a machine that is a program of its own: the mailbox, and the window behind it.

import { WINDOW_SIZE } from '../../../hypervisor/abi.ts'

export const FRAMED_MAILBOX = 0
export const FRAMED_WINDOW = 65536
/** Pages of it. */
export const FRAMED_PAGES = (FRAMED_WINDOW + WINDOW_SIZE) / 65536
