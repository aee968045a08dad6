#include "tools/report/page_style.h"

namespace polarize {

const char kPageStyle[] = R"(
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d1f24; --soft: #5b616b;
  --line: #dedbd4; --link: #2a57b0; --code: #f1efea;
  --good: #1d7a43; --good-bg: #e3f3e8;
  --bad: #b3391f; --bad-bg: #fbe7e1;
  --none: #666a72; --none-bg: #ecebe8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --card: #1d2026; --ink: #e6e4df; --soft: #a0a5ae;
    --line: #343840; --link: #8db1f5; --code: #262a31;
    --good: #74d497; --good-bg: #1a3325;
    --bad: #f49a83; --bad-bg: #3d221b;
    --none: #a9adb5; --none-bg: #2a2d33;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
footer { color: var(--soft); font-size: .85rem; padding-bottom: 3rem; }
h1, h2, h3 { font-family: Charter, Georgia, "DejaVu Serif", serif; line-height: 1.2; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); margin: 0 0 .6rem; }
h2 { font-size: 1.5rem; margin: 3rem 0 1rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.15rem; margin: 1.6rem 0 .5rem; }
p { margin: .6rem 0; }
.lead { font-size: 1.08rem; color: var(--soft); max-width: 46rem; }
p, li { overflow-wrap: anywhere; }
a { color: var(--link); }
nav { margin: 1.2rem 0 0; font-size: .92rem; }
nav a { display: inline-block; margin: 0 1rem .3rem 0; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Consolas, monospace; font-size: .86em; }
code { background: var(--code); border-radius: .25em; padding: .1em .3em; overflow-wrap: anywhere; }
pre { background: var(--code); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; margin: .8rem 0; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .9rem; min-width: 50%; }
th, td { text-align: left; vertical-align: top; padding: .32rem .9rem .32rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td:first-child { min-width: 6.5rem; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
figure { margin: 1rem 0; }
figure > div { background: #fff; color: #000; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem; overflow-x: auto; }
figure svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .35rem; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: flex-start; }
.figures .again { flex: 1 0 100%; font-size: .9rem; }
.figures figure { flex: 0 1 auto; max-width: 100%; }
.verdict { display: inline-block; white-space: nowrap; font-weight: 600; font-size: .85rem; border-radius: 1rem; padding: .1rem .7rem; }
.reproduced { color: var(--good); background: var(--good-bg); }
.differs { color: var(--bad); background: var(--bad-bg); }
.notrun { color: var(--none); background: var(--none-bg); }
.tally { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0 .8rem; padding: 0; list-style: none; }
.tally li { flex: 1 1 9rem; border-radius: .6rem; padding: .7rem 1rem; }
.tally b { display: block; font: 700 2rem/1.1 Charter, Georgia, "DejaVu Serif", serif; }
.share { display: flex; gap: 3px; height: .5rem; margin-bottom: 1.6rem; }
.share i { border-radius: .25rem; min-width: .4rem; }
.share .reproduced { background: var(--good); }
.share .differs { background: var(--bad); }
.share .notrun { background: var(--none); opacity: .45; }
.claim { background: var(--card); border: 1px solid var(--line); border-left: .35rem solid var(--none); border-radius: .6rem; padding: .4rem 1.3rem 1rem; margin: 1.3rem 0; }
.claim.reproduced, .claim.differs, .claim.notrun { color: inherit; background: var(--card); }
.claim.reproduced { border-left-color: var(--good); }
.claim.differs { border-left-color: var(--bad); }
.claim h3 { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: baseline; margin: 1rem 0 .2rem; }
.claim h3 .verdict { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.index td:first-child { min-width: 0; }
.index td:nth-child(2) { min-width: 15rem; }
.where { color: var(--soft); font-size: .85rem; margin: 0 0 .6rem; }
dl { margin: .8rem 0; display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); gap: .45rem 1rem; }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
dd ul { margin: 0; padding-left: 1.1rem; }
.decided { font-weight: 600; }
.range { width: 8rem; height: .9rem; display: inline-block; vertical-align: middle; }
.range .track { stroke: var(--line); }
.range .limit { stroke: var(--soft); stroke-dasharray: 2 2; }
.range .spread { stroke: var(--link); opacity: .45; }
.range .mean { fill: var(--link); }
details { margin: .6rem 0; font-size: .9rem; }
summary { cursor: pointer; color: var(--soft); }
.ids { font-family: ui-monospace, "DejaVu Sans Mono", Consolas, monospace; font-size: .78rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  .claim { padding: .3rem .9rem .8rem; }
  dl { display: block; }
  dt { margin-top: .6rem; }
  .index thead { display: none; }
  .index tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .index td { display: block; border: 0; padding: .1rem 0; }
  .index td:first-child { float: right; color: var(--soft); }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --link: #000; --code: #f4f4f4;
    --good: #1d7a43; --good-bg: #fff; --bad: #b3391f; --bad-bg: #fff; --none: #555; --none-bg: #fff;
  }
  body { font-size: 10pt; }
  nav { display: none; }
  .verdict, .tally li { border: 1px solid; }
  figure, tr, h3, .where { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; }
  .wide, figure > div { overflow: visible; }
  a { text-decoration: none; }
}
)";

}  // namespace polarize
