// Lockstep with QEMU: control registers, modes and traps, page tables, physical memory protection.

import { csr } from './families/csr.ts'
import { paging } from './families/paging.ts'
import { privileged } from './families/privileged.ts'
import { protection } from './families/protection.ts'
import { prove } from './prove.ts'

prove([csr, privileged, paging, protection])
