// Signatures of the archive's release file.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyRelease } from '../../../guests/debian/release.ts'
import { refuses } from '../scratch.ts'
import { type RepositoryOptions, startRepository } from './repository.ts'

async function signed(options: RepositoryOptions = {}): Promise<{ text: string; keyring: Buffer }> {
  const repository = await startRepository([], options)
  await repository.close()
  return { text: String(repository.files.get('/dists/trixie/InRelease')), keyring: repository.keyring }
}

test('a signed release file gives the files of its suite', async () => {
  const { text, keyring } = await signed({ release: { 'Acquire-By-Hash': 'yes' } })
  const release = await verifyRelease(text, { keyring, suite: 'trixie' })
  assert.is(release.codename, 'trixie')
  assert.is(release.hasByHash, true)
  assert.match(release.files.get('main/binary-riscv64/Packages.gz')?.sha256 ?? '', /^[0-9a-f]{64}$/)
  await verifyRelease(text, { keyring, suite: 'stable' })
})

test('a release file that was changed after signing is refused', async () => {
  const { text, keyring } = await signed()
  const bent = text.replace('Packages.gz', 'Packages.xz')
  await refuses(verifyRelease(bent, { keyring, suite: 'trixie' }), /No key of the keyring has signed/)
})

test('text around the signed part is not believed', async () => {
  const { text, keyring } = await signed()
  const release = await verifyRelease(text, { keyring, suite: 'trixie' })
  const wrapped = `Codename: evil\n\n${text}\nCodename: evil\n`
  const read = await verifyRelease(wrapped, { keyring, suite: 'trixie' }).catch(() => release)
  assert.is(read.codename, 'trixie')
})

test('a release file signed by a stranger is refused', async () => {
  const { text } = await signed()
  const { keyring } = await signed()
  await refuses(verifyRelease(text, { keyring, suite: 'trixie' }), /No key of the keyring has signed/)
})

test('a release file without a signature is refused', async () => {
  const { keyring } = await signed()
  await refuses(verifyRelease('Codename: trixie\n', { keyring, suite: 'trixie' }), /is not signed/)
})

test('a release file of another suite is refused', async () => {
  const { text, keyring } = await signed({ release: { Codename: 'forky', Suite: 'testing' } })
  await refuses(verifyRelease(text, { keyring, suite: 'trixie' }), /of "forky" where trixie was asked for/)
})

test('a release file that ran out is refused', async () => {
  const { text, keyring } = await signed({ release: { 'Valid-Until': new Date(Date.now() - 1000).toUTCString() } })
  await refuses(verifyRelease(text, { keyring, suite: 'trixie' }), /ran out/)
})

test('a file that is no keyring is refused', async () => {
  const { text } = await signed()
  await refuses(verifyRelease(text, { keyring: Buffer.from('junk'), suite: 'trixie' }), /not an OpenPGP keyring/)
})

test.run()
