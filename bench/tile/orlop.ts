// A fleet of ours, as a user starts it: `orlop up` for the machine, `orlop up --hosted` for a process for each guest.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { OrlopError } from '../../cli/error.ts'
import { ORLOP } from '../orlop.ts'
import { Daemon } from './daemon.ts'
import { fleetOf } from './fleet.ts'
import { type Plan, type RunningFleet, TITLES, type Variant, type VariantName } from './variant.ts'

export const type1: Variant = { name: 'type1', title: TITLES.type1, launch: (plan) => launch('type1', [], plan) }

export const hosted: Variant = {
  name: 'hosted',
  title: TITLES.hosted,
  launch: (plan) => launch('hosted', ['--hosted'], plan),
}

async function launch(name: VariantName, flags: string[], plan: Plan): Promise<RunningFleet> {
  const run = join(plan.folder, 'run')
  mkdirSync(run, { recursive: true })
  const env = { ...process.env, XDG_RUNTIME_DIR: run, XDG_STATE_HOME: join(plan.folder, 'state') }
  const file = join(plan.folder, 'fleet.yaml')
  // JSON is YAML, too.
  writeFileSync(file, JSON.stringify(fleetOf(name, plan), undefined, 2))
  const daemon = new Daemon([process.execPath, ORLOP, 'up', ...flags, file], plan.cpus, env)
  return {
    pids: () => (daemon.pid === undefined ? [] : [daemon.pid]),
    async start(guests) {
      const words = ['start', ...guests.map((guest) => guest.name)]
      await promisify(execFile)(process.execPath, [ORLOP, ...words], { env }).catch((cause) => {
        throw new OrlopError(`"orlop ${words.join(' ')}" failed: ${(cause as { stderr: string }).stderr}`, 1)
      })
    },
    over: () => daemon.over(),
    kill: () => daemon.kill(),
  }
}
