import { describe, expect, it } from 'vitest';
import { seeded } from '../../client/test/random.ts';
import { Renderer } from '../src/render/renderer.ts';
import { root, streamed, whole } from './page.ts';

const ATTACKS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<a href="javascript:alert(1)">x</a>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](\tjavascript:alert(1))',
  '[x](java\\script:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:msgbox(1))',
  '[x](file:///etc/passwd)',
  '[x](//evil.example)',
  '[x](/v1/conversations)',
  '[x](&#106;avascript:alert(1))',
  '![x](https://evil.example/track.png)',
  '<javascript:alert(1)>',
  '<https://x.example/"onmouseover="alert(1)>',
  '<link href="javascript:alert(1)">x</link>',
  '<link href="https://x.example" onclick="alert(1)">x</link>',
  "<link rel=stylesheet href='//evil.example/x.css'>",
  '<response onclick="alert(1)" style="position:fixed">x</response>',
  '<body onload=alert(1)>x</body>',
  '<header><script>alert(1)</script></header>',
  '<card class="page" id="ask"><base href="//evil.example"></card>',
  '<style>*{display:none}</style>',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '<form action="//evil.example"><input name=q></form>',
  '```"><script>alert(1)</script>\nx\n```',
  '```js onclick=alert(1)\nx\n```',
  '| <script> | <img onerror=x> |\n|---|---|\n| [a](javascript:x) | b |',
  '# <img src=x onerror=alert(1)>',
  '<link href="https://x.example/"><script>alert(1)</script></link>',
];

const TAGS = new Set('a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr li ol p pre section span strong table tbody td th thead tr ul'.split(' '));
const ATTRIBUTES = new Set(['class', 'href', 'rel', 'target', 'start', 'type']);

function inspect(html: string, src: string): void {
  const el = root();
  el.innerHTML = html;
  for (const e of el.querySelectorAll('*')) {
    expect(TAGS.has(e.localName), `${e.localName} from ${src}`).toBe(true);
    for (const a of e.attributes) expect(ATTRIBUTES.has(a.name), `${a.name} from ${src}`).toBe(true);
    if (e.localName !== 'a' || !e.hasAttribute('href')) continue;
    expect(e.getAttribute('href')!).toMatch(/^(https?:\/\/|mailto:)/);
    expect(e.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  }
}

describe('hostile output', () => {
  for (const attack of ATTACKS) {
    it(JSON.stringify(attack), () => {
      for (const src of [attack, `<response><body>${attack}</body></response>`, `- ${attack}\n`, `*a ${attack}*`]) {
        const expected = whole(src);
        inspect(expected, src);
        for (let i = 0; i <= src.length; i++) expect(streamed([src.slice(0, i), src.slice(i)]), `split at ${i}`).toBe(expected);
      }
    });
  }

  it('random text of markup: only what is allowed, the same however cut', () => {
    const words = ['*', '**', '_', '`', '```', '~~~\n', '[', '](', ')', 'https://x.example', '<', '>', '<body>', '</body>', '<card>', '<header>', '</header>', '<link href="', '">', '</link>', '\n', '\n\n', '- ', '1. ', '|', '|---|', '> ', '  ', '\\', '&amp;', 'word', ' ', '漢', '#', '---'];
    for (let seed = 1; seed <= 400; seed++) {
      const random = seeded(seed);
      const pieces = Array.from({ length: 5 + Math.floor(random() * 60) }, () => words[Math.floor(random() * words.length)]!);
      const expected = whole(pieces.join(''));
      inspect(expected, pieces.join(''));
      expect(streamed(pieces), `seed ${seed}: ${JSON.stringify(pieces.join(''))}`).toBe(expected);
      expect(streamed([...pieces.join('')]), `seed ${seed}, by character`).toBe(expected);
    }
  });

  const BOMBS: Record<string, string> = {
    stars: '*a '.repeat(20_000),
    'stars closing': '*a* '.repeat(20_000),
    nesting: '*'.repeat(50_000) + 'a' + '*'.repeat(50_000),
    brackets: '['.repeat(60_000),
    'closing brackets': '[a'.repeat(20_000) + '](x)'.repeat(20_000),
    targets: `[a](${' '.repeat(60_000)}x`,
    backticks: Array.from({ length: 300 }, (_, i) => '`'.repeat(i + 1)).join(' '),
    quotes: '>'.repeat(60_000) + 'a',
    lists: '- '.repeat(30_000) + 'a',
    spaces: `a\n${' '.repeat(60_000)}b`,
    'heading spaces': `# a${' '.repeat(60_000)}b`,
    dots: `https://x.example/${'.'.repeat(60_000)}b`,
    pipes: `${'|'.repeat(30_000)}\n${'|-'.repeat(30_000)}`,
    rules: `a|b\n${'-'.repeat(30_000)}${' '.repeat(30_000)}x`,
    cards: '<card>'.repeat(10_000),
    links: '<link href="https://x.example">'.repeat(5_000),
    angles: '<'.repeat(60_000),
    'open tags': '<link href='.repeat(8_000),
    lines: 'a\n'.repeat(30_000),
  };
  for (const [name, src] of Object.entries(BOMBS)) {
    it(`takes no time to speak of: ${name}`, () => {
      const began = process.cpuUsage(); // of the processor, not of the clock: the machine may be busy
      const renderer = new Renderer(root());
      renderer.update(src, false);
      renderer.update(src, true);
      expect(process.cpuUsage(began).user / 1000).toBeLessThan(4000);
    });
  }
});
