// The clients on the host's side of a tile: those of the web server and the heartbeat. Both ask at a fixed rate, whether or not
// they are answered, and count from when they should have asked.

import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { beat } from './agent.ts'
import { type Tile, webPort } from './guests.ts'
import { WORKLOADS } from './load.ts'
import type { Done } from './score.ts'

/** What has not come by then never will. It is long after any deadline, so that what is late and what is lost can be told apart. */
const GIVE_UP_MS = 10_000

/** Does `ask` at a rate for so many seconds; it gives whether the answer was right, and throws when there was none. */
async function offer(
  rate: number,
  seconds: number,
  phase: number,
  ask: (n: number) => Promise<boolean>,
): Promise<Done> {
  const begin = performance.now()
  const ms: number[] = []
  const asked: Promise<void>[] = []
  let wrong = 0
  for (let n = 0; (n + phase) / rate < seconds; n++) {
    const due = begin + ((n + phase) * 1000) / rate
    const early = due - performance.now()
    if (early > 0) await sleep(early)
    asked.push(
      ask(n).then(
        (isRight) => {
          if (isRight) ms.push(performance.now() - due)
          else wrong++
        },
        // No answer is no wrong one: it is missing among those that came.
        () => {},
      ),
    )
  }
  await Promise.all(asked)
  return { offered: asked.length, wrong, ms }
}

/** Asks the tile's web server for its files, one after the other. */
export function browse({ guests, files, number }: Tile, seconds: number, phase: number): Promise<Done> {
  const { rate } = WORKLOADS.web
  return offer(rate, seconds, phase, async (n) => {
    const { path, body } = files[(n * 7 + number) % files.length]!
    return (await download(webPort(guests.web), path, GIVE_UP_MS)).equals(body)
  })
}

/** Asks the standby guest whether it is there. */
export function listen({ guests }: Tile, seconds: number, phase: number): Promise<Done> {
  const { rate } = WORKLOADS.standby
  return offer(rate, seconds, phase, async () => {
    if (await beat(guests.standby, GIVE_UP_MS)) return true
    throw new Error('There was no heartbeat.')
  })
}

function download(port: number, path: string, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: `/${path}`, agent: false, timeout: timeoutMs }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(pieces)
        // A server that says that it cannot is no wrong answer, but none.
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`The web server says ${response.statusCode}.`))
      })
    })
    request.on('timeout', () => request.destroy(new Error('The web server does not answer.')))
    request.on('error', reject)
  })
}
