import { variables } from "./colours.ts"
import { fontFamily } from "./draw.ts"

export const style = `
:root{color-scheme:light dark;${
  variables(0)
};--page:#f5f7f9;--met:#13693f;--met-bg:#dff3e7;--missed:#9a2c12;--missed-bg:#fbe6df;--none:#566273;--none-bg:#e8ecf1}
@media(prefers-color-scheme:dark){:root{${
  variables(1)
};--page:#0e1319;--met:#7fdcaa;--met-bg:#12301f;--missed:#ffab91;--missed-bg:#3a1b12;--none:#9fabba;--none-bg:#222b35}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 ${fontFamily}}
main,header.top,footer{max-width:944px;margin:0 auto;padding:0 32px}
header.top{padding-top:56px}
.eyebrow{margin:0;color:var(--soft);font-size:14px;letter-spacing:.02em}
h1{margin:.5rem 0 1.25rem;font-size:clamp(1.6rem,4.2vw,2.35rem);line-height:1.2;letter-spacing:-.02em;font-weight:650;text-wrap:balance}
.hero{margin:18px 0 10px -.03em;font-size:clamp(3.1rem,11vw,5.6rem);line-height:1;font-weight:700;letter-spacing:-.045em;color:var(--accent);font-variant-numeric:tabular-nums}
.hero-unit{margin:0 0 8px;font-size:clamp(1.1rem,2.6vw,1.35rem);line-height:1.4;font-weight:600;max-width:34em;text-wrap:balance}
.hero-detail{margin:0 0 26px;max-width:42em;font-size:15px;text-wrap:pretty}
.lead{margin:0 0 28px;max-width:42em;color:var(--soft);text-wrap:pretty}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin:0 0 8px;padding:0;background:var(--line);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.tiles div{background:var(--paper);padding:16px 18px;display:flex;flex-direction:column}
.tiles dt{order:2;font-size:13.5px;line-height:1.4;color:var(--soft)}
.tiles dd{order:1;margin:0 0 2px;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
nav{margin:20px 0 0;font-size:14.5px;display:flex;flex-wrap:wrap;gap:4px 18px}
a{color:var(--accent);text-underline-offset:3px;text-decoration-thickness:1px}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:3px}
section{margin:56px 0 0;scroll-margin-top:16px}
h2{margin:0 0 6px;font-size:1.45rem;line-height:1.25;letter-spacing:-.015em;font-weight:650}
h2+p{margin:0 0 20px;max-width:46em;color:var(--soft);text-wrap:pretty}
h3{margin:28px 0 6px;font-size:1.05rem}
.card,figure.chart{margin:0 0 20px;padding:22px 24px;background:var(--paper);border:1px solid var(--line);border-radius:12px}
figure.chart figcaption{font-weight:600;font-size:1.02rem;margin:0 0 14px;line-height:1.35;text-wrap:balance}
figure.chart svg{display:block;width:100%;height:auto;overflow:visible}
figure.chart .note{margin:12px 0 0;font-size:14px;line-height:1.5;color:var(--soft);max-width:60em}
.alt{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.narrow{display:none}
.grid{display:grid;grid-template-columns:1fr 1fr;gap:20px}
.grid figure.chart{margin:0;padding:18px 18px 16px}
.grid .wide{display:none}.grid .narrow{display:block}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.45;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;color:var(--soft);font-size:13px;vertical-align:bottom}
th,td{padding:8px 12px 8px 0;border-bottom:1px solid var(--line)}
td{vertical-align:top}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right}
.scroll{overflow-x:auto;margin:0 -4px;padding:0 4px}
.targets td:first-child{width:38%;text-wrap:pretty}
.targets .why td{padding-top:0;color:var(--soft);font-size:13.5px}
.targets tr.has-why td{border-bottom:0;padding-bottom:4px}
.verdict{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;font-weight:600;white-space:nowrap}
.met,.stretch{color:var(--met);background:var(--met-bg)}
.missed{color:var(--missed);background:var(--missed-bg)}
.not-measured{color:var(--none);background:var(--none-bg)}
details{margin:0 0 20px}
summary{cursor:pointer;color:var(--accent);font-size:14.5px;padding:4px 0}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:6px 24px;margin:0;font-size:14.5px}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.method{margin:0;padding-left:1.1em;font-size:15px}
.method li{margin:0 0 10px;max-width:50em;text-wrap:pretty}
code{font:0.92em ui-monospace,'SF Mono',Menlo,Consolas,monospace;overflow-wrap:anywhere}
.warning{margin:0 0 28px;padding:12px 16px;border-radius:10px;background:var(--missed-bg);color:var(--missed);font-size:14.5px}
footer{padding-top:40px;padding-bottom:56px;color:var(--soft);font-size:14px}
@media(max-width:760px){
body{font-size:15.5px}
main,header.top,footer{padding-left:18px;padding-right:18px}
header.top{padding-top:32px}
.tiles{grid-template-columns:1fr 1fr}
.tiles div{padding:13px 14px}
.wide{display:none}.narrow{display:block}
.grid{grid-template-columns:1fr;gap:16px}
section{margin-top:44px}
.card,figure.chart,.grid figure.chart{padding:16px 14px}
.targets thead{display:none}
.targets table,.targets tbody,.targets tr,.targets td{display:block;width:auto}
.targets td,.targets td:first-child{width:auto;border:0;padding:0}
.targets tr{padding:10px 0;border-bottom:1px solid var(--line)}
.targets tr.has-why{border-bottom:0;padding-bottom:0}
.targets tr.why{padding-top:2px}
.targets tr:last-child{border-bottom:0}
.targets td[data-name]::before{content:attr(data-name) " ";color:var(--soft)}
.targets td:empty{display:none}
.facts{grid-template-columns:1fr;gap:0}
.facts dd{margin:0 0 8px}
}
@media print{body{background:#fff}.card,figure.chart{break-inside:avoid}}
`
