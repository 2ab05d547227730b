// The look of the report's page, light and dark.

export const STYLE = `
:root {
  --ground: #fbfbf9; --panel: #ffffff; --text: #1d232a; --quiet: #5c6670; --rule: #dfe3e6;
  --type1: #0b66c3; --hosted: #b4540a; --qemu: #5f6b76;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181c; --panel: #1c2126; --text: #e6e9ec; --quiet: #9aa5b0; --rule: #343c44;
    --type1: #6db3ff; --hosted: #f5a55a; --qemu: #b3bec8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums;
}
header, main { max-width: 1200px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 28px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 16px; margin: 0 0 12px; }
p { margin: 0 0 8px; max-width: 75ch; }
.legend { display: flex; flex-wrap: wrap; gap: 20px; color: var(--quiet); margin: 16px 0 20px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; }
.plots { columns: 2 420px; column-gap: 16px; margin-bottom: 16px; }
.plots figure { break-inside: avoid; }
figure, section {
  margin: 0 0 16px; padding: 18px 20px; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px;
}
main { padding-bottom: 48px; }
figcaption, .note, small { color: var(--quiet); font-size: 13px; }
figcaption { margin-top: 8px; }
.note { margin-top: 12px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.legend svg { width: 14px; height: 14px; }
svg text { fill: var(--quiet); font-size: 12.5px; }
svg text.head { fill: var(--text); font-weight: 600; }
svg text.value { fill: var(--text); }
.grid { stroke: var(--rule); fill: none; }
.axis { stroke: var(--quiet); fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.hollow { fill: var(--panel); stroke-width: 2; }
.spread { stroke: var(--text); stroke-width: 1.5; fill: none; opacity: 0.6; }
.limit { stroke: var(--quiet); stroke-dasharray: 3 3; fill: none; }
.fill.type1 { fill: var(--type1); } .line.type1, .hollow.type1 { stroke: var(--type1); }
.fill.hosted { fill: var(--hosted); } .line.hosted, .hollow.hosted { stroke: var(--hosted); }
.fill.qemu { fill: var(--qemu); } .line.qemu, .hollow.qemu { stroke: var(--qemu); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
thead th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; }
@media print { body { background: none; } figure, section { break-inside: avoid; } }
`
