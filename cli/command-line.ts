// The words that a guest kernel is started with.

import type { FoundGuest } from '../guests/find.ts'

/**
 * What every Linux is told: where its console is, and to reset at once when it panics. A warm reset then means a
 * panic, because SBI has no other word for it that Linux would use.
 */
const LINUX = 'console=ttyS0 panic=-1 reboot=panic_warm'
/** Two thirds of the boot of a kernel as distributions build it are self-tests of its ciphers. */
const QUICK = 'cryptomgr.notests quiet'

/** The command line for `kernel` (none: firmware gets no words of ours), which may be the guest `found` in the cache. */
export function commandLineFor(
  kernel: string | undefined,
  found: FoundGuest | undefined,
  ...more: (string | undefined)[]
): string {
  const ours = [kernel === undefined ? '' : LINUX, found === undefined ? '' : QUICK]
  return [...ours, ...more].filter((part) => part).join(' ')
}
