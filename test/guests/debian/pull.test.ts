// Pulling a guest by HTTP from a repository on the loopback interface: whole, cached, refreshed, tampered with, cut off.

import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openArchive } from '../../../guests/debian/archive.ts'
import { findDebian, type PullOptions, pullBusybox, pullDebian } from '../../../guests/debian/pull.ts'
import { findGuest } from '../../../guests/find.ts'
import type { ProgressEvent } from '../../../guests/progress.ts'
import { requireTool } from '../../support/tools.ts'
import { inScratch, refuses } from '../scratch.ts'
import {
  bareImage,
  guestPackages,
  type Package,
  type Repository,
  type RepositoryOptions,
  startRepository,
} from './repository.ts'

const INDEX = '/dists/trixie/main/binary-riscv64/Packages.gz'
const KERNEL = /linux-image-6.*\.deb$/

interface Bench {
  repository: Repository
  cache: string
  options: PullOptions
}

/** A test body with a running repository and an empty cache. */
function withRepository(
  body: (bench: Bench) => Promise<void>,
  packages?: Package[],
  release?: RepositoryOptions,
): () => Promise<void> {
  return inScratch(async (folder) => {
    const repository = await startRepository(packages ?? (await guestPackages()), release)
    const keyring = join(folder, 'keyring.gpg')
    await writeFile(keyring, repository.keyring)
    const cache = join(folder, 'cache')
    try {
      await body({
        repository,
        cache,
        options: { cache, keyring, mirror: repository.uri, transport: 'http', pauseMs: 20 },
      })
    } finally {
      await repository.close()
    }
  })
}

/** Every file in the cache but the lists, by its path. */
async function filesIn(cache: string): Promise<string[]> {
  if (!existsSync(cache)) return []
  const entries = await readdir(cache, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.path.includes('lists'))
    .map((entry) => join(entry.path, entry.name))
}

async function leavesNothing(cache: string, work: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await refuses(work, pattern)
  assert.is(error.exitCode, 1)
  const kept = (await filesIn(cache)).filter((path) => !/busybox/.test(path))
  assert.equal(kept, [])
  assert.is(await findDebian(cache), undefined)
}

test(
  'a pull brings the kernel and an initramfs with its modules',
  withRepository(async ({ cache, options }) => {
    const steps = new Set<string>()
    const pulled = await pullDebian({ ...options, report: ({ step }) => steps.add(step) })
    assert.is(pulled.version, '6.12.1-1')
    assert.is((await readFile(pulled.kernel)).equals(bareImage()), true)
    const initrd = (await readFile(pulled.initrd)).toString('latin1')
    assert.match(initrd, /lib\/modules\/6\.12\.1\+deb13-riscv64\/virtio_mmio\.ko/)
    assert.match(initrd, /virtio_net\.ko: net_failover\.ko failover\.ko\n/)
    assert.not.match(initrd, /snd\.ko/)
    assert.ok(steps.has('Downloading busybox-static'))
    assert.equal(await findGuest(cache), { ...pulled, kind: 'debian' })
    assert.equal(
      (await readdir(join(cache, 'debian', 'trixie-riscv64'))).filter(
        (name) => name.includes('.part-') || name === '.lock',
      ),
      [],
    )
  }),
)

test(
  'a complete cache is used without a single request',
  withRepository(async ({ repository, options }) => {
    const first = await pullDebian(options)
    repository.requests.length = 0
    assert.equal(await pullDebian(options), first)
    assert.equal(repository.requests, [])
  }),
)

test(
  'a refresh looks for newer packages and fetches only what changed',
  withRepository(async ({ repository, options }) => {
    await pullDebian(options)
    repository.requests.length = 0
    await pullDebian({ ...options, refresh: true })
    assert.equal(repository.requests, ['/dists/trixie/InRelease'])
  }),
)

test(
  'a part that vanished from the cache is fetched again',
  withRepository(async ({ repository, options }) => {
    const busybox = await pullBusybox(options)
    await rm(join(busybox, '..'), { recursive: true })
    repository.requests.length = 0
    assert.is(await pullBusybox(options), busybox)
    assert.ok(existsSync(busybox))
    assert.ok(repository.requests.some((path) => path.includes('busybox')))
  }),
)

test(
  'two pulls at the same time fetch each package once',
  withRepository(async ({ repository, options }) => {
    const [first, second] = await Promise.all([pullDebian(options), pullDebian(options)])
    assert.equal(first, second)
    assert.is(repository.requests.filter((path) => KERNEL.test(path)).length, 1)
  }),
)

test(
  'a package that is not the one in the signed index is refused and leaves nothing',
  withRepository(async ({ repository, cache, options }) => {
    for (const [path, content] of repository.files) {
      if (KERNEL.test(path)) content[content.length - 1] = (content[content.length - 1] ?? 0) ^ 1
    }
    await leavesNothing(cache, pullDebian(options), /its SHA-256 is not the one in the signed index/)
  }),
)

test(
  'a package longer than the index says is refused before it fills the disk',
  withRepository(async ({ repository, cache, options }) => {
    for (const [path, content] of repository.files) {
      if (KERNEL.test(path)) repository.files.set(path, Buffer.concat([content, Buffer.alloc(1 << 20)]))
    }
    await leavesNothing(cache, pullDebian(options), /it is larger than \d+ bytes/)
  }),
)

test(
  'a download that is cut off is refused and leaves nothing',
  withRepository(async ({ repository, cache, options }) => {
    repository.cut = { path: KERNEL, bytes: 100 }
    await leavesNothing(cache, pullDebian(options), /^Cannot fetch .*check the network and the mirror/)
  }),
)

test(
  'a server that ends a package early without saying so is refused',
  withRepository(async ({ repository, cache, options }) => {
    for (const [path, content] of repository.files) {
      if (KERNEL.test(path)) repository.files.set(path, content.subarray(0, 100))
    }
    await leavesNothing(cache, pullDebian(options), /it ends after 100 of \d+ bytes/)
  }),
)

test(
  'a package that the server does not have gives its address and the answer',
  withRepository(async ({ repository, cache, options }) => {
    for (const path of [...repository.files.keys()]) if (KERNEL.test(path)) repository.files.delete(path)
    await leavesNothing(cache, pullDebian(options), /^The server answers 404 for http:.*linux-image-6/)
  }),
)

test(
  'an index that is not the signed one is refused',
  withRepository(async ({ repository, cache, options }) => {
    const index = repository.files.get(INDEX) ?? Buffer.alloc(0)
    index[20] = (index[20] ?? 0) ^ 1
    await leavesNothing(cache, pullDebian(options), /its SHA-256 is not the one/)
  }),
)

for (const transport of ['http', 'apt'] as const) {
  test(
    `by ${transport}, an archive whose lists are newer than its files is waited for`,
    withRepository(async ({ repository, options }) => {
      if (transport === 'apt' && !requireTool('apt-get', 'apt')) return
      const whole = repository.files.get(INDEX) ?? Buffer.alloc(0)
      repository.files.set(INDEX, whole.subarray(0, -1))
      const report = ({ step }: ProgressEvent) => {
        if (step.startsWith('Waiting for the archive')) repository.files.set(INDEX, whole)
      }
      assert.is((await pullDebian({ ...options, transport, report })).version, '6.12.1-1')
    }),
  )

  test(
    `by ${transport}, a suite that is whole under its other name is taken there, if it is the same suite`,
    withRepository(async ({ repository, cache, options }) => {
      if (transport === 'apt' && !requireTool('apt-get', 'apt')) return
      // Its lists only: packages made in another second have other sums.
      const give = (from: Repository) => {
        for (const [path, content] of [...from.files])
          if (path.includes('/trixie/')) repository.files.set(path.replace('/trixie/', '/stable/'), content)
      }
      const whole = repository.files.get(INDEX) ?? Buffer.alloc(0)
      const next = await startRepository(await guestPackages('7.0-1'), { release: { Codename: 'forky' } })
      await next.close()
      give(next)
      repository.files.set(INDEX, whole.subarray(0, -1))
      await writeFile(options.keyring ?? '', Buffer.concat([repository.keyring, next.keyring]))
      await refuses(pullDebian({ ...options, transport }), transport === 'apt' ? /unexpected size/ : /it ends after/)

      give(repository)
      repository.files.set(INDEX.replace('/trixie/', '/stable/'), whole)
      // apt takes no list that is older than the one it has.
      const anew = { ...options, cache: `${cache}-anew`, transport }
      assert.is((await pullDebian(anew)).version, '6.12.1-1')
    }),
  )
}

test(
  'a repository signed by a stranger is refused',
  withRepository(async ({ cache, options }) => {
    const stranger = await startRepository([])
    await stranger.close()
    await writeFile(options.keyring ?? '', stranger.keyring)
    await leavesNothing(cache, pullDebian(options), /No key of the keyring has signed/)
  }),
)

test(
  'a mirror without this architecture is refused',
  withRepository(
    async ({ cache, options }) => {
      await leavesNothing(cache, pullDebian(options), /lists no main\/binary-riscv64\/Packages\.xz/)
    },
    [],
    { release: { SHA256: '' } },
  ),
)

test(
  'a repository without the package says which one is missing',
  withRepository(async ({ cache, options }) => {
    await leavesNothing(
      cache,
      pullDebian(options),
      /^There is no package linux-image-riscv64 in Debian trixie for riscv64/,
    )
  }, []),
)

test(
  'a kernel package without a kernel is refused and leaves nothing',
  withRepository(
    async ({ cache, options }) => {
      await leavesNothing(cache, pullDebian(options), /There is no boot\/vmlinux-\*/)
    },
    (await guestPackages()).map((made, index, all) =>
      index === 1 ? { ...made, content: all[0]?.content ?? made.content } : made,
    ),
  ),
)

test(
  'a server that is not there gives one sentence',
  withRepository(async ({ repository, cache, options }) => {
    await repository.close()
    await leavesNothing(cache, pullDebian(options), /^Cannot fetch http:.*ECONNREFUSED/)
  }),
)

test(
  'an interrupt ends a pull and leaves nothing',
  withRepository(async ({ cache, options }) => {
    const controller = new AbortController()
    const report = ({ step }: { step: string }) => step.startsWith('Unpacking linux-image') && controller.abort()
    const error = await pullDebian({ ...options, signal: controller.signal, report }).then(
      () => undefined,
      (reason) => reason,
    )
    assert.is(error?.name, 'AbortError')
    assert.equal(await filesIn(cache), [])
  }),
)

test(
  'without apt and without a mirror the error names the variable to set',
  inScratch(async (folder) => {
    const work = openArchive({ folder, env: { PATH: folder }, aptFolder: folder })
    assert.is((await refuses(work, /set ORLOP_DEBIAN_MIRROR/)).exitCode, 2)
  }),
)

test(
  'without the keys of the archive the error names the package that has them',
  withRepository(async ({ options }) => {
    await refuses(pullDebian({ ...options, keyring: '/nowhere/keyring.gpg' }), /install debian-archive-keyring/)
  }),
)

test(
  'a cache folder that cannot be made gives one sentence',
  withRepository(async ({ options }) => {
    const file = options.keyring ?? ''
    await refuses(pullDebian({ ...options, cache: join(file, 'cache') }), /^Cannot make the cache folder .*ORLOP_CACHE/)
  }),
)

test(
  'through apt, packages of the same repository come the same way',
  withRepository(async ({ options, cache }) => {
    if (!requireTool('apt-get', 'apt')) return
    const percents: number[] = []
    const report = ({ unit, done = 0 }: ProgressEvent) => unit === 'percent' && percents.push(done)
    const pulled = await pullDebian({ ...options, transport: 'apt', report })
    assert.is(pulled.version, '6.12.1-1')
    assert.is((await readFile(pulled.kernel)).equals(bareImage()), true)
    assert.ok(percents.every((percent) => percent > 0 && percent <= 100))
    assert.equal(await findDebian(cache), pulled)
  }),
)

test(
  'through apt, a repository signed by a stranger is refused',
  withRepository(async ({ options, cache }) => {
    if (!requireTool('apt-get', 'apt')) return
    const stranger = await startRepository([])
    await stranger.close()
    await writeFile(options.keyring ?? '', stranger.keyring)
    await leavesNothing(
      cache,
      pullDebian({ ...options, transport: 'apt' }),
      /^The command apt-get update failed with the archive http/,
    )
  }),
)

test(
  'through apt, a package that was tampered with is refused and leaves nothing',
  withRepository(async ({ repository, options, cache }) => {
    if (!requireTool('apt-get', 'apt')) return
    for (const [path, content] of repository.files) {
      if (KERNEL.test(path)) content[content.length - 1] = (content[content.length - 1] ?? 0) ^ 1
    }
    await leavesNothing(cache, pullDebian({ ...options, transport: 'apt' }), /^The command apt-get download failed/)
  }),
)

test(
  'through apt, a package that is not there is named',
  withRepository(async ({ options, cache }) => {
    if (!requireTool('apt-get', 'apt')) return
    await leavesNothing(
      cache,
      pullDebian({ ...options, transport: 'apt' }),
      /^There is no package linux-image-riscv64 in Debian/,
    )
  }, []),
)

test.run()
