// The fleet file of a tile's guests, for `orlop up`.

import { parseSize } from '../../cli/size.ts'
import { SUBNET, type TileGuest } from './guests.ts'
import { type Plan, wordsFor } from './variant.ts'

const GATEWAY = `${SUBNET}.1`
/** What the machine has beside the guests' RAM: nothing is to wait for memory. */
const SPARE_BYTES = 64 * 2 ** 20

/** What is in the file. Guests that have a wire among themselves are on a network of their own beside. */
export function fleetOf(name: string, { system, guests, first, cpus }: Plan) {
  const guestBytes = parseSize(system.memory, 'memory')
  const hasWire = guests.some(({ wireMac }) => wireMac !== undefined)
  const guestOf = (guest: TileGuest) => ({
    memory: system.memory,
    kernel: system.kernel,
    initrd: system.initrd,
    append: wordsFor(system, guest, GATEWAY),
    disks: guest.disk === undefined ? [] : [guest.disk],
    networks: [
      { network: 'lan', address: guest.address, mac: guest.mac },
      ...(guest.wireMac === undefined ? [] : [{ network: 'wire', mac: guest.wireMac }]),
    ],
    autostart: first.includes(guest),
  })
  return {
    machine: {
      name: `tile-${name}`,
      cpus: cpus.length,
      memory: `${(guests.length * guestBytes + SPARE_BYTES) / 2 ** 20}M`,
    },
    networks: { lan: { subnet: `${SUBNET}.0/24` }, ...(hasWire && { wire: { mode: 'isolated' } }) },
    guests: Object.fromEntries(guests.map((guest) => [guest.name, guestOf(guest)])),
    publish: guests.flatMap((guest) => guest.ports.map((port) => `${port.host}:${guest.name}:${port.guest}`)),
  }
}
