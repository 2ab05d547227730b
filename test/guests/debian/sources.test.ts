// apt's own lists of sources, in both of their forms.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findDebianArchive, parseDeb822Sources, parseSourcesList, readSources } from '../../../guests/debian/sources.ts'
import { inScratch } from '../scratch.ts'

const ONE_LINE = `# the archive
deb http://mirror.example/debian bookworm main contrib  # and a remark
deb-src http://mirror.example/debian bookworm main
  deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] https://other.example/apt bookworm main
#deb http://off.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
`

const DEB822 = `# a remark
Types: deb deb-src
URIs: http://one.example/debian
 http://two.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: trixie
Components: main

Types: deb
URIs: https://inline.example/apt
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
`

test('a one-line list gives its binary sources with options, and neither remarks nor sources of source', () => {
  assert.equal(parseSourcesList(ONE_LINE), [
    { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
    {
      uri: 'https://other.example/apt',
      suite: 'bookworm',
      components: ['main'],
      signedBy: '/usr/share/keyrings/other.gpg',
    },
    { uri: 'http://security.example/debian-security', suite: 'bookworm-security', components: ['main'] },
  ])
})

test('a deb822 file gives every pair of URI and suite, and leaves out what is disabled', () => {
  const sources = parseDeb822Sources(DEB822)
  assert.equal(
    sources.map(({ uri, suite }) => `${uri} ${suite}`),
    [
      'http://one.example/debian trixie',
      'http://one.example/debian trixie-updates',
      'http://two.example/debian trixie',
      'http://two.example/debian trixie-updates',
      'https://inline.example/apt trixie',
    ],
  )
  assert.is(sources[0]?.signedBy, '/usr/share/keyrings/debian-archive-keyring.gpg')
  assert.is(sources[4]?.signedBy, undefined)
})

test('the Debian archive is preferred to another vendor that uses the same suite names', () => {
  const other = { uri: 'https://vendor.example/apt', suite: 'bookworm', components: ['main'], signedBy: '/vendor.gpg' }
  const debian = { uri: 'http://mirror.example/debian/', suite: 'bookworm', components: ['main'] }
  assert.is(findDebianArchive([other, debian]), debian.uri)
  assert.is(findDebianArchive([other]), other.uri)
})

test('security archives, other distributions, discs and sources without main are not the Debian archive', () => {
  const main = ['main']
  const none = findDebianArchive([
    { uri: 'http://security.example/debian-security', suite: 'bookworm-security', components: main },
    { uri: 'http://archive.example/ubuntu', suite: 'noble', components: main },
    { uri: 'cdrom:[Debian 12]/', suite: 'bookworm', components: main },
    { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['contrib'] },
  ])
  assert.is(none, undefined)
})

test(
  'the folder of apt is read with its parts, in the order of their names',
  inScratch(async (folder) => {
    await mkdir(join(folder, 'sources.list.d'))
    await writeFile(join(folder, 'sources.list'), 'deb http://a.example/debian sid main\n')
    await writeFile(join(folder, 'sources.list.d', 'c.list'), 'deb http://c.example/debian sid main\n')
    await writeFile(
      join(folder, 'sources.list.d', 'b.sources'),
      'Types: deb\nURIs: http://b.example/debian\nSuites: sid\nComponents: main\n',
    )
    await writeFile(join(folder, 'sources.list.d', 'd.list.disabled'), 'deb http://d.example/debian sid main\n')
    assert.equal(
      readSources(folder).map(({ uri }) => uri[7]),
      ['a', 'b', 'c'],
    )
    assert.equal(readSources(join(folder, 'nothing')), [])
  }),
)

test.run()
