// Finds the Debian archive among the machine's own apt sources: sources.list(5), in the one-line form and in deb822.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseStanzas } from './packages.ts'

/** One archive that apt was told of, for one suite. */
export interface Source {
  uri: string
  suite: string
  components: string[]
  /** Path or paths of the keyring, where the entry names one. */
  signedBy?: string
}

/** Suites of the Debian archive; those of the security archive and of other vendors are named differently. */
const DEBIAN_SUITE =
  /^(buster|bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable|oldoldstable)(-updates|-backports|-proposed-updates)?$/

/** The sources of a `*.list` file: `deb [option=value ...] URI SUITE COMPONENT...`, one a line. */
export function parseSourcesList(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const match = line.replace(/#.*$/, '').match(/^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)$/)
    if (match === null) return []
    const [, options = '', uri = '', suite = '', rest = ''] = match
    const signedBy = options.match(/(?:^|\s)signed-by=(\S+)/i)?.[1]
    return [{ uri, suite, components: words(rest), ...(signedBy === undefined ? {} : { signedBy }) }]
  })
}

/** The sources of a `*.sources` file: stanzas with Types, URIs, Suites, Components, and perhaps `Enabled: no`. */
export function parseDeb822Sources(text: string): Source[] {
  return parseStanzas(text).flatMap((fields) => {
    const isOff = /^(no|false|without|off|disable)$/i.test(fields.get('enabled') ?? '')
    if (isOff || !words(fields.get('types') ?? '').includes('deb')) return []
    const key = fields.get('signed-by')?.trim()
    // A key that is written into the stanza itself is no path.
    const signedBy = key?.startsWith('/') ? { signedBy: key } : {}
    const components = words(fields.get('components') ?? '')
    return words(fields.get('uris') ?? '').flatMap((uri) =>
      words(fields.get('suites') ?? '').map((suite) => ({ uri, suite, components, ...signedBy })),
    )
  })
}

/** All sources of the machine, in apt's order. `folder` is apt's configuration folder. */
export function readSources(folder = '/etc/apt'): Source[] {
  const parts = join(folder, 'sources.list.d')
  const names = existsSync(parts) ? readdirSync(parts).sort() : []
  const files = [join(folder, 'sources.list'), ...names.map((name) => join(parts, name))]
  return files
    .filter((path) => existsSync(path))
    .flatMap((path) => {
      if (path.endsWith('.list')) return parseSourcesList(readFileSync(path, 'utf8'))
      if (path.endsWith('.sources')) return parseDeb822Sources(readFileSync(path, 'utf8'))
      return []
    })
}

/** The URI of the Debian archive among `sources`, or undefined. Other vendors use Debian's suite names too: they come last. */
export function findDebianArchive(sources: Source[]): string | undefined {
  const rank = ({ uri, signedBy }: Source) => {
    if (signedBy?.includes('debian-archive-keyring')) return 0
    if (signedBy !== undefined) return 2
    return /\/debian\/?$/.test(uri) || uri.startsWith('mirror') ? 0 : 1
  }
  const candidates = sources.filter(
    ({ uri, suite, components }) =>
      DEBIAN_SUITE.test(suite) && components.includes('main') && !uri.startsWith('cdrom:'),
  )
  return candidates.sort((a, b) => rank(a) - rank(b))[0]?.uri
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
