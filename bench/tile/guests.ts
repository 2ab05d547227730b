// The guests of a tile: addresses, ports of the host, and disks with data that no other guest has.

import { createHash } from 'node:crypto'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDisk } from '../../guests/userland/disk.ts'
import { freePorts } from '../../test/support/ports.ts'
import { JOB_BYTES, ROLES, type Role } from './load.ts'

const DISK_MIB = 16
/** Where the agent (programs/linux/agent.c) and the web server listen. */
const AGENT_PORT = 7000
const WEB_PORT = 80
const FILES = 24
export const SUBNET = '10.9.0'

export interface TileGuest {
  name: string
  role: Role | 'near' | 'far'
  /** The first tile is 0. */
  tile: number
  address: string
  mac: string
  disk?: string
  /** Ports of the host's loopback that are those of the guest. */
  ports: { host: number; guest: number }[]
  /** The address of a second device, whose wire leads to the other guest that has one. */
  wireMac?: string
}

/** A file of a web server: what a client asks for, and what it has to get. */
export interface WebFile {
  path: string
  body: Buffer
}

export interface Tile {
  number: number
  guests: Record<Role, TileGuest>
  files: WebFile[]
  /** What a job of the application has to print. */
  jobHash: string
}

export function agentPort({ ports }: TileGuest): number {
  return ports.find(({ guest }) => guest === AGENT_PORT)!.host
}

export function webPort({ ports }: TileGuest): number {
  return ports.find(({ guest }) => guest === WEB_PORT)!.host
}

/** Makes the tiles with fresh disks in `folder`. */
export async function makeTiles(count: number, folder: string): Promise<Tile[]> {
  const free = await freePorts(count * (ROLES.length + 1))
  const tiles: Tile[] = []
  for (let number = 0; number < count; number++) {
    const guests = {} as Record<Role, TileGuest>
    for (const [i, role] of ROLES.entries()) {
      const name = `${role}-${number + 1}`
      const ports = [{ host: free.pop()!, guest: AGENT_PORT }]
      if (role === 'web') ports.push({ host: free.pop()!, guest: WEB_PORT })
      const place = number * ROLES.length + i
      guests[role] = { name, role, tile: number, ports, disk: join(folder, `${name}.img`), ...addressOf(place) }
    }
    const files = webFiles(number)
    const site = join(folder, `site-${number}`)
    mkdirSync(site, { recursive: true })
    for (const { path, body } of files) writeFileSync(join(site, path), body)
    await makeDisk(guests.web.disk!, site, DISK_MIB)
    const empty = join(folder, 'empty')
    mkdirSync(empty, { recursive: true })
    await makeDisk(guests.mail.disk!, empty, DISK_MIB)
    for (const role of ['app', 'db', 'batch', 'standby'] as const) {
      writeFileSync(guests[role].disk!, textOf(`${role} ${number}`, 2 ** 20))
      truncateSync(guests[role].disk!, DISK_MIB * 2 ** 20)
    }
    // What awk reads without an end of line it prints with one.
    const job = `${textOf(`app ${number}`, 2 ** 20)
      .subarray(0, JOB_BYTES)
      .toString('latin1')
      .toUpperCase()}\n`
    tiles.push({ number, guests, files, jobHash: createHash('sha256').update(job).digest('hex') })
  }
  return tiles
}

/** Two guests with a wire between them. */
export async function makePair(): Promise<[near: TileGuest, far: TileGuest]> {
  const free = await freePorts(2)
  const guest = (role: 'near' | 'far', i: number): TileGuest => {
    const ports = [{ host: free[i]!, guest: AGENT_PORT }]
    return { name: role, role, tile: 0, ports, wireMac: `52:54:00:99:00:0${i + 1}`, ...addressOf(i) }
  }
  return [guest('near', 0), guest('far', 1)]
}

function addressOf(place: number): { address: string; mac: string } {
  const last = 10 + place
  return { address: `${SUBNET}.${last}`, mac: `52:54:00:09:00:${last.toString(16).padStart(2, '0')}` }
}

function webFiles(tile: number): WebFile[] {
  return Array.from({ length: FILES }, (_, i) => {
    // From 1 to 64 KiB, most of them small.
    const bytes = Math.round(1024 * 64 ** ((i / (FILES - 1)) ** 2))
    return { path: `page-${i}.txt`, body: textOf(`web ${tile} ${i}`, bytes) }
  })
}

/** Lines of text that follow from the seed, and are unlike those of any other. */
export function textOf(seed: string, bytes: number): Buffer {
  const lines: string[] = []
  let length = 0
  for (let i = 0; length < bytes; i++) {
    const line = `${i} ${createHash('sha256').update(`${seed} ${i}`).digest('hex')} of ${seed}\n`
    lines.push(line)
    length += line.length
  }
  // A job reads whole lines or parts of them alike; the last byte ends a line, as text does.
  return Buffer.from(`${lines.join('').slice(0, bytes - 1)}\n`)
}
