// Where indirect jumps and calls of translated code went: so that what is translated anew can go there directly.
//
// A site is the decoded slot of the instruction; targets are kept as distances from it, so address spaces that share the code
// share what was learned. A site that goes to more places than there is room for is given up.

import { DESK, TARGETS, areaOf } from "./regions";

const SITES: u32 = 512;
/** Targets of one site. */
export const TARGETS_MAX: u32 = 28;
/** Ways out through a site with which its unit is translated anew; the next time it takes more. */
const LEARNED: u32 = 1000;
const PATIENCE: u32 = 64;

/** An indirect jump or call. */
@unmanaged @final
export class Site {
  /** Its decoded slot; 0: none. */
  slot: u32;
  /** How often translated code was left through it, up to the next time that it is translated anew. */
  ways: u32;
  /** With so many it is. */
  enough: u32;
  /** How many targets are known. */
  count: u32;
}

const HEAD: usize = 16;
const SITE_SIZE: usize = 128;

if (HEAD + (<usize>TARGETS_MAX << 2) > SITE_SIZE) ERROR("a site's targets run out of it");
if (TARGETS + <usize>SITES * SITE_SIZE > DESK) ERROR("the sites run into the translator's desk");

function placeOf(cpu: u32, slot: usize): Site {
  return changetype<Site>(areaOf(cpu) + TARGETS + <usize>(<u32>slot * 0x9e3779b1 >> 23) * SITE_SIZE);
}

/** What is known of the site at a decoded slot; null: nothing. */
export function find(cpu: u32, slot: usize): Site | null {
  const site = placeOf(cpu, slot);
  return site.slot == <u32>slot ? site : null;
}

/** Distance from the site to its i-th target. */
export function at(site: Site, i: u32): i32 {
  return load<i32>(changetype<usize>(site) + HEAD + (<usize>i << 2));
}

/** Translated code was left through the site at `slot`, to `distance`. True: its unit is worth translating anew. */
export function note(cpu: u32, slot: usize, distance: i64): bool {
  const site = placeOf(cpu, slot);
  if (site.slot != <u32>slot) {
    site.slot = <u32>slot;
    site.ways = site.count = 0;
    site.enough = LEARNED;
  }
  if (site.count < TARGETS_MAX && distance == <i64><i32>distance) {
    let i: u32 = 0;
    while (i < site.count && at(site, i) != <i32>distance) i++;
    if (i == site.count) {
      store<i32>(changetype<usize>(site) + HEAD + (<usize>i << 2), <i32>distance);
      site.count++;
    }
  }
  if (++site.ways != site.enough) return false;
  site.ways = 0;
  // 1000, 64 000, 4 million: what it goes to now and then is not worth much.
  site.enough = site.enough < 1 << 24 ? site.enough * PATIENCE : ~(<u32>0);
  return site.count < TARGETS_MAX;
}
