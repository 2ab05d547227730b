// All kernel tests of the machine's memory: each exported function is one.

import "../../../support/kernel/abort";
export * from "./promises";
export * from "./pressure";
export * from "./sharing";
