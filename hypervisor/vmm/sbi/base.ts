// SBI base extension (chapter 4): who we are and what else there is.

import { Hart } from "../../cpu/hart";
import { SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed } from "./call";

const GET_SPEC_VERSION: u32 = 0;
const GET_IMPL_ID: u32 = 1;
const GET_IMPL_VERSION: u32 = 2;
const PROBE_EXTENSION: u32 = 3;
const GET_MVENDORID: u32 = 4;
const GET_MARCHID: u32 = 5;
const GET_MIMPID: u32 = 6;

/** 2.0: major in bits 24 … 30, minor below. */
const SPEC_VERSION: u64 = 2 << 24;
/** No number is registered for this implementation (chapter 4.9 lists them), so it is one far from those: "orlp". */
const IMPL_ID: u64 = 0x6f72_6c70;
const IMPL_VERSION: u64 = 1;

/** Is this call a probe? The answer to those lies with whoever knows all extensions. */
export function isProbe(hart: Hart): bool {
  return functionId(hart) == PROBE_EXTENSION;
}

/** The extension a probe asks about. */
export function probed(hart: Hart): u32 {
  return <u32>argument(hart, 0);
}

/** Answers every call but a probe. */
export function call(hart: Hart): void {
  switch (functionId(hart)) {
    case GET_SPEC_VERSION: succeed(hart, SPEC_VERSION); break;
    case GET_IMPL_ID: succeed(hart, IMPL_ID); break;
    case GET_IMPL_VERSION: succeed(hart, IMPL_VERSION); break;
    // Zero: not implemented (privileged spec 3.1.2); what cpu/csr reads there.
    case GET_MVENDORID:
    case GET_MARCHID:
    case GET_MIMPID: succeed(hart, 0); break;
    default: fail(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
