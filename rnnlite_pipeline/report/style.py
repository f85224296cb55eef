"""The report's style sheet: system fonts, one column, light and dark."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c1f23;--soft:#667079;--line:#e3e6e9;--ground:#fff;
--panel:#f7f8f9;--good:#1a7f4b;--bad:#c0341d;--curve:#2a62b8}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#98a2ab;--line:#33393f;
--ground:#16191c;--panel:#1e2226;--good:#4cc38a;--bad:#ff7a62;--curve:#7fb0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:860px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:4px 0;font-weight:650;letter-spacing:-.01em}
h2{font-size:17px;margin:0 0 12px;font-weight:650}
h3{font-size:13px;margin:16px 0 4px;font-weight:500;color:var(--soft)}
section{margin-top:44px}
section>h3:first-of-type{margin-top:0}
section>.scroll~h3:first-of-type{margin-top:24px}
.note,figure p{color:var(--soft);font-size:13px;margin:0 0 12px;max-width:75ch}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 20px;margin:0 0 16px;font-size:13px}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.pair{display:flex;flex-wrap:wrap;gap:24px}
figure{margin:0;flex:1 1 300px;min-width:0}
figcaption{font-size:13px;color:var(--soft);margin-bottom:8px}
figure p{margin:10px 0 0;font-size:12px}
.layer{border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin-bottom:12px}
.layer h3{margin:0;color:var(--ink);font-weight:600;overflow-wrap:anywhere}
.layer p{margin:2px 0 0;font-size:13px;color:var(--soft)}
.equations{list-style:none;margin:10px 0 0;padding:0;
font:15px/1.75 Cambria,"STIX Two Text","Times New Roman",serif}
.equations sub{font-size:.72em;line-height:0}
.verdict{margin:0;font-weight:650}
.verdict::before{content:"";display:inline-block;width:10px;height:10px;border-radius:50%;
background:currentColor;margin-right:8px}
.good,.yes{color:var(--good)}
.bad,.no{color:var(--bad)}
.about{margin:4px 0 0;max-width:65ch}
.digest{margin:0;color:var(--soft);font-size:12px;overflow-wrap:anywhere}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-top:20px}
.tile{flex:1 1 130px;background:var(--panel);border:1px solid var(--line);border-radius:8px;
padding:12px 14px}
.tile b{display:block;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:12px}
.failures{border-left:3px solid var(--bad);padding-left:16px}
ul{margin:0;padding-left:18px}
li{overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;font-weight:500;color:var(--soft);border-bottom:1px solid var(--line);
padding:4px 10px 4px 0;white-space:nowrap}
td{border-bottom:1px solid var(--line);padding:4px 10px 4px 0;vertical-align:top}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}
.graph .code{font:10px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink);
text-anchor:middle}
.graph .soft{fill:var(--soft)}
.box{fill:var(--panel);stroke:var(--line)}
.io{fill:none;stroke:var(--soft);stroke-dasharray:3 3}
.recurrent{stroke:var(--curve);stroke-width:1.6}
.edge{fill:none;stroke:var(--soft);opacity:.7}
.dots{stroke:var(--curve);stroke-width:3.4;stroke-linecap:round;opacity:.5}
.diagonal{fill:none;stroke:var(--line)}
svg text{fill:var(--soft);font-size:11px;font-family:inherit}
.axis{stroke:var(--line)}
.curve{fill:none;stroke:var(--curve);stroke-width:1.6;stroke-linejoin:round}
.dot,.bar{fill:var(--curve)}
.bar{opacity:.85}
.share{display:block;height:9px;margin-top:6px;border-radius:2px;background:var(--curve);
opacity:.85;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bars{width:24%;min-width:80px}
.limit{fill:none;stroke:var(--bad);stroke-dasharray:4 4;opacity:.7}
footer{margin-top:40px;padding-top:12px;border-top:1px solid var(--line);color:var(--soft);
font-size:12px}
@media print{:root{color-scheme:light;--ink:#1c1f23;--soft:#667079;--line:#d5d9dd;--ground:#fff;
--panel:#fff;--good:#1a7f4b;--bad:#c0341d;--curve:#2a62b8}
body{font-size:12px}main{padding:0;max-width:none}section{margin-top:24px}
h2,h3{break-after:avoid}svg,tr,.tile,.layer{break-inside:avoid}.scroll{overflow:visible}}
@page{margin:16mm}
""".replace("\n", "")
