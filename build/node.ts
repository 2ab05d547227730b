// Ends a script with one clear sentence when Node is older than what package.json asks for. To be imported first.

const OLDEST_NODE = 20

const version = process.versions.node
if (Number(version.split('.')[0]) < OLDEST_NODE) {
  console.error(
    `Orlop needs Node ${OLDEST_NODE} or newer, and this is ${version}; install a newer one and run it again.`,
  )
  process.exit(2)
}
