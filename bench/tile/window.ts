// One measurement: the load of some tiles for some seconds, all at once, and what became of it.

import { OrlopError } from '../../cli/error.ts'
import { awake, run } from './agent.ts'
import { browse, listen } from './clients.ts'
import type { Tile, TileGuest } from './guests.ts'
import { BURST_ROUNDS, JOB_BYTES, type Role, ROLES, WORKLOADS } from './load.ts'
import { cpuSecondsOfAll } from './processes.ts'
import type { Done, TileDone } from './score.ts'
import type { RunningFleet } from './variant.ts'

/** A guest that is behind may end so much later than it was told to. */
const LATE_MS = 300_000
/** Longer than anything that a bad neighbour is to disturb. */
const HOG_LATE_SECONDS = 3

export interface Window {
  seconds: number
  /** CPU seconds of all of the variant's processes meanwhile. */
  cpuSeconds: number
  tiles: TileDone[]
}

/** What a run of windows needs to know. */
export interface Load {
  /** What a burst of the batch guest prints. */
  burst: string
  /** Of the last window; each has its own, so that commits can be told apart. */
  epoch: number
}

/** Gives a tile's guests what their work needs, once after their start. */
export async function prepare({ guests }: Tile): Promise<void> {
  const mounted = 'mkdir -p /disk && mount -t ext4 /dev/vda /disk'
  await Promise.all([
    run(guests.web, `${mounted} && httpd -p 80 -h /disk`, LATE_MS),
    run(guests.mail, mounted, LATE_MS),
  ])
}

/** Offers the load of all tiles. A `bad` guest of the first tile burns what it gets of CPU and disk in place of its work. */
export async function measureWindow(
  fleet: RunningFleet,
  tiles: Tile[],
  load: Load,
  seconds: number,
  bad?: Role,
): Promise<Window> {
  load.epoch++
  const hog = bad === undefined ? undefined : burn(tiles[0]!.guests[bad], seconds + HOG_LATE_SECONDS)
  hog?.catch(() => {})
  const before = cpuSecondsOfAll(fleet.pids())
  const work = tiles.map((tile, i) => offerTile(tile, load, seconds, i / tiles.length, i === 0 ? bad : undefined))
  // The load ends later in guests that are behind; the bill is closed in time.
  const [cpuSeconds, done] = await Promise.all([
    new Promise<number>((resolve) => {
      setTimeout(() => resolve(cpuSecondsOfAll(fleet.pids()) - before), seconds * 1000)
    }),
    Promise.all(work),
  ])
  await hog
  const over = fleet.over()
  if (over !== undefined) throw new OrlopError(`The machine has not lived through the load: ${over}`, 1)
  return { seconds, cpuSeconds, tiles: done }
}

async function offerTile(tile: Tile, load: Load, seconds: number, phase: number, bad?: Role): Promise<TileDone> {
  const { guests, jobHash } = tile
  const job = `head -c ${JOB_BYTES} /dev/vda | awk '{print toupper($0)}' | gzip | gunzip | sha256sum | cut -c1-64`
  const command = (role: Role, program: string, words: string) => {
    const { rate } = WORKLOADS[role]
    return run(guests[role], `${program} ${rate} ${seconds} ${phase.toFixed(3)} ${words}`, seconds * 1000 + LATE_MS)
  }
  const offers: Record<Role, () => Promise<Done>> = {
    web: () => browse(tile, seconds, phase),
    app: async () => doneOf(await command('app', '/job', `${jobHash} "${job.replaceAll('$', '\\$')}"`)),
    db: async () => doneOf(await command('db', '/commit', `${load.epoch}`)),
    mail: async () => {
      await run(guests.mail, 'rm -rf /disk/mail && mkdir /disk/mail', LATE_MS)
      return doneOf(await command('mail', '/spool', '/disk/mail'))
    },
    batch: async () => doneOf(await command('batch', '/job', `"${load.burst}" "/core ${BURST_ROUNDS}"`)),
    standby: () => listen(tile, seconds, phase),
  }
  const all = ROLES.map(
    async (role): Promise<[Role, Done]> => [
      role,
      role === bad ? { offered: 0, wrong: 0, ms: [] } : await offers[role](),
    ],
  )
  return Object.fromEntries(await Promise.all(all)) as TileDone
}

/** Has a guest burn its CPU and keep its disk busy. */
function burn(guest: TileGuest, seconds: number): Promise<string> {
  const whole = Math.ceil(seconds)
  return run(guest, `/diskhog > /dev/null & /hog 1 ${whole}; killall -9 diskhog`, whole * 1000 + LATE_MS)
}

/** What pace.h prints. */
export function doneOf(output: string): Done {
  const [, offered, wrong, us] = /^offered (\d+) wrong (\d+)\nus((?: \d+)*)$/m.exec(output) ?? []
  if (us === undefined) throw new OrlopError(`A guest has told nothing of its work: "${output.slice(-300).trim()}".`, 1)
  const ms = us
    .split(' ')
    .filter(Boolean)
    .map((text) => Number(text) / 1000)
  return { offered: Number(offered), wrong: Number(wrong), ms }
}

/** Waits until all of these answer. */
export async function allAwake(fleet: RunningFleet, guests: TileGuest[]): Promise<void> {
  await Promise.all(guests.map((guest) => awake(guest, () => fleet.over())))
}
