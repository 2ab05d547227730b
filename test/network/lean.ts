// Lean guests on networks: the small kernel with busybox, and one shell in each that obeys the test.

import * as assert from 'uvu/assert'
import { APPEND, type Guest, withScript } from '../boot/guests.ts'
import { folder } from '../cli/lab.ts'
import { OBEY, type Shell } from './debian.ts'

/** Such a guest as a fleet file has it, with more of its fields. Its init asks for an address on eth0. */
export function leanText(guest: Guest, fields: string, files: Record<string, string> = {}): string {
  const { kernel, initrd } = withScript(guest, folder, OBEY, files)
  return `{ kernel: ${kernel}, initrd: ${initrd}, memory: 64M, append: "${APPEND} orlop.run=/test", ${fields} }`
}

/** In place of what init's DHCP client calls: for guests that the test gives their addresses. */
export const NO_DHCP = { 'lib/udhcpc': '#!/bin/sh\n' }

/** Gives a lean guest its addresses, and a file to hand out by HTTP; gives the file's sum. */
export async function settle(shell: Shell, ip4: string, ip6: string): Promise<string> {
  await shell.does(`ip addr add ${ip4}/24 dev eth0 && ip addr add ${ip6}/64 dev eth0 && ip link set eth0 up`)
  await shell.does('head -c 4000001 /dev/urandom >/tmp/noise; httpd -h /tmp')
  const [, sum = ''] = /^([0-9a-f]{64}) /.exec(await shell.does('sha256sum /tmp/noise')) ?? []
  assert.ok(sum)
  return sum
}

/** It gets an answer from there by and by, and the file as it is. */
export async function fetches(shell: Shell, address: string, sum: string): Promise<void> {
  await shell.does(
    `i=0; until ping -c 1 -W 1 ${address} >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 600 ]; usleep 200000; done`,
  )
  assert.match(await shell.does(`ping -c 3 -i 0.2 -s 1400 ${address}`), '3 packets transmitted, 3 packets received')
  const host = address.includes(':') ? `[${address}]` : address
  assert.is(await shell.does(`wget -qO- http://${host}/noise | sha256sum`), `${sum}  -`)
}

/** Waits until the guest sees that its link is up, or down. */
export async function seesLink(shell: Shell, isUp: boolean): Promise<void> {
  await shell.does(`until [ "$(cat /sys/class/net/eth0/carrier)" = ${isUp ? 1 : 0} ]; do usleep 200000; done`)
}
