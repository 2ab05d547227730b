// A Debian archive through the machine's own apt, in a configuration of its own: no list, no package and no setting of
// the machine is changed, while its proxies and credentials are used. Needs no root.

import { spawn } from 'node:child_process'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { OrlopError } from '../../cli/error.ts'
import { withScratch } from '../cache.ts'
import { silent } from '../progress.ts'
import { newest, parseStanzas, toRecord } from './packages.ts'
import { checkCodename } from './release.ts'
import { type Archive, checkFile, type Place, UnevenArchive } from './repository.ts'

/** Updates the lists and gives the archive. */
export async function openApt(place: Place): Promise<Archive> {
  const apt = await configure(place)
  await apt('apt-get', ['update'], `Reading the package lists of ${place.suite}`)
  if (place.directory !== place.suite) {
    const { output } = await apt('apt-get', ['indextargets', '--format', '$(CODENAME)', 'Created-By: Packages'])
    checkCodename(output.trim(), place.suite)
  }

  return {
    async find(name) {
      const { output } = await apt('apt-cache', ['show', '--', name]).catch((cause) => {
        throw new OrlopError(`There is no package ${name} in Debian ${place.suite} for ${place.architecture}.`, 1, {
          cause,
        })
      })
      const record = newest(parseStanzas(output).flatMap((fields) => toRecord(fields) ?? []))
      if (record === undefined)
        throw new OrlopError(`There is no package ${name} in Debian ${place.suite} for ${place.architecture}.`, 1)
      return record
    },

    async fetch(record, path) {
      await withScratch(path, async (folder) => {
        await apt('apt-get', ['download', `${record.name}=${record.version}`], `Downloading ${record.name}`, folder)
        const name = (await readdir(folder)).find((file) => file.endsWith('.deb'))
        if (name === undefined) throw new OrlopError(`apt-get brought no file for ${record.name}; try again.`, 1)
        await checkFile(join(folder, name), record)
        await rename(join(folder, name), path)
      })
    },
  }
}

type Run = (program: string, args: string[], step?: string, cwd?: string) => Promise<{ output: string }>

async function configure({
  uri,
  directory,
  architecture,
  keyring,
  folder,
  report = silent,
  signal,
}: Place): Promise<Run> {
  const lists = join(folder, 'lists')
  const cache = join(folder, 'cache')
  const sources = join(folder, 'sources.list')
  const status = join(folder, 'status')
  const configuration = join(folder, 'apt.conf')
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true })
  await writeFile(sources, `deb [arch=${architecture} signed-by=${keyring}] ${uri} ${directory} main\n`)
  await writeFile(status, '')
  const settings: Record<string, string> = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    // What follows is in folders of this user, which apt's own user may not read.
    'APT::Sandbox::User': '',
    'APT::Status-Fd': '3',
    'Acquire::Languages': 'none',
    'Dir::Cache': cache,
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::status': status,
  }
  // The machine's hooks (cleaning its caches, telling its desktop) are none of ours.
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success']
  const extraIndexes = ['Acquire::IndexTargets::deb::DEP-11', 'Acquire::IndexTargets::deb::Contents-deb']
  const lines = [
    ...['APT::Architectures', ...hooks, ...extraIndexes].map((name) => `#clear ${name};`),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
  ]
  await writeFile(configuration, `${lines.join('\n')}\n`)

  return (program, args, step, cwd = folder) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (step !== undefined) report({ step })
      const env = { ...process.env, LC_ALL: 'C' }
      const child = spawn(program, ['-q', '-c', configuration, ...args], {
        cwd,
        env,
        signal,
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      })
      const output: Buffer[] = []
      const errors: Buffer[] = []
      child.stdout?.on('data', (chunk) => output.push(chunk))
      child.stderr?.on('data', (chunk) => errors.push(chunk))
      if (step !== undefined)
        followProgress(child.stdio[3] as Readable, (percent) =>
          report({ step, done: percent, total: 100, unit: 'percent' }),
        )
      else (child.stdio[3] as Readable).resume()
      child.on('error', reject)
      child.on('close', (code) => {
        if (signal?.aborted) reject(signal.reason)
        else if (code === 0) resolve({ output: Buffer.concat(output).toString() })
        else reject(aptFailed(program, args, Buffer.concat(errors).toString(), uri))
      })
    })
}

/** apt's status lines: `dlstatus:NUMBER:PERCENT:TEXT` (README.progress-reporting of apt). */
function followProgress(stream: Readable, tell: (percent: number) => void): void {
  let rest = ''
  stream.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const percent = Number(line.match(/^dlstatus:[^:]*:([\d.]+):/)?.[1])
      if (percent > 0) tell(Math.min(percent, 100))
    }
  })
}

function aptFailed(program: string, args: string[], errors: string, uri: string): OrlopError {
  const line =
    errors.split('\n').find((text) => text.startsWith('E: ')) ??
    errors.split('\n').find((text) => text.startsWith('W: '))
  const why = line?.slice(3).replace(/[.\s]+$/, '') ?? 'it gave no reason'
  const isUneven = /unexpected size|Hash Sum mismatch|sync in progress/i.test(why)
  return new (isUneven ? UnevenArchive : OrlopError)(
    `The command ${program} ${args[0]} failed with the archive ${uri}: ${why}; check the network and the apt sources.`,
    1,
  )
}
