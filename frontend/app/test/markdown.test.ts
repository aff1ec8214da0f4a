import { describe, expect, it } from 'vitest';
import { growing, root, streamed, whole } from './page.ts';
import { Renderer } from '../src/render/renderer.ts';

describe('Markdown', () => {
  const cases: Array<[name: string, src: string, html: string]> = [
    ['paragraphs', 'one\ntwo\n\nthree', '<p>one\ntwo</p><p>three</p>'],
    ['a hard break', 'one  \ntwo\\\nthree', '<p>one<br>two<br>three</p>'],
    ['headings', '# A #\n### B', '<h3 class="h1">A</h3><h4 class="h3">B</h4>'],
    ['emphasis', '*a* **b** ***c*** ~~d~~ _e_ a_b_c', '<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em> <del>d</del> <em>e</em> a_b_c</p>'],
    ['nested emphasis', '**a *b* c**', '<p><strong>a <em>b</em> c</strong></p>'],
    ['emphasis that is none', '2 * 3 * 4 and **', '<p>2 * 3 * 4 and **</p>'],
    ['inline code', '`` a`b `` and `**x**`', '<p><code>a`b</code> and <code>**x**</code></p>'],
    ['escapes', '\\*a\\* \\<b>', '<p>*a* &lt;b&gt;</p>'],
    ['entities', '&amp; &#8212; &bogus; &#x41;', '<p>&amp; — &amp;bogus; A</p>'],
    ['a rule', 'a\n\n---\nb', '<p>a</p><hr><p>b</p>'],
    ['a quote', '> a\n> > b', '<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>'],
    ['a list', '- a\n- b\n  - c\n\n- d', '<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>'],
    ['a numbered list', '3. a\n4. b\n   more', '<ol start="3"><li>a</li><li>b\nmore</li></ol>'],
    ['two spaces under a number', '1. a\n  - b\n2. c', '<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>'],
    ['tasks', '- [ ] a\n- [x] b', '<ul><li class="task"><span class="box">☐</span> a</li><li class="task"><span class="box">☑</span> b</li></ul>'],
    ['a list after text', 'text:\n- a\n\nend', '<p>text:</p><ul><li>a</li></ul><p>end</p>'],
    ['a link', '[a *b*](https://x.example/p?q=1 "t")', '<p><a href="https://x.example/p?q=1" rel="noopener noreferrer nofollow" target="_blank">a <em>b</em></a></p>'],
    ['parentheses in an address', '[a](https://x.example/(b)c)', '<p><a href="https://x.example/(b)c" rel="noopener noreferrer nofollow" target="_blank">a</a></p>'],
    ['a bare address', 'see https://x.example/a_b_c.', '<p>see <a href="https://x.example/a_b_c" rel="noopener noreferrer nofollow" target="_blank">https://x.example/a_b_c</a>.</p>'],
    ['an image becomes a link', '![alt](https://x.example/i.png)', '<p><a href="https://x.example/i.png" rel="noopener noreferrer nofollow" target="_blank">alt</a></p>'],
    ['an address that may not be', '[a](javascript:alert(1)) <b onclick=x>', '<p><a>a</a> &lt;b onclick=x&gt;</p>'],
  ];
  for (const [name, src, html] of cases) it(name, () => expect(whole(src)).toBe(html));

  it('fenced code', () => {
    expect(whole('```text\nlet a = `b`;\n\n<b>\n```\nafter')).toBe(
      '<figure class="code"><figcaption><span class="lang">text</span><button type="button" class="copy-code">Copy</button></figcaption>' +
        '<pre tabindex="0"><code>let a = `b`;\n\n&lt;b&gt;\n</code></pre></figure><p>after</p>',
    );
  });

  it('tables', () => {
    expect(whole('a | b\n--|:-:\n1 | `x\\|y`\n2\n\nend')).toBe(
      '<div class="table" tabindex="0"><table><thead><tr><th>a</th><th class="ac">b</th></tr></thead>' +
        '<tbody><tr><td>1</td><td class="ac"><code>x|y</code></td></tr><tr><td>2</td><td class="ac"></td></tr></tbody></table></div><p>end</p>',
    );
  });
});

describe('text that grows', () => {
  const shown: Array<[src: string, html: string]> = [
    ['**bo', '<p><strong>bo</strong></p>'],
    ['**bold*', '<p><strong>bold</strong></p>'],
    ['a **', '<p>a </p>'],
    ['`co', '<p><code>co</code></p>'],
    ['[text](https://x.exa', '<p><a>text</a></p>'],
    ['[text', '<p><a>text</a></p>'],
    ['para\n\n-', '<p>para</p>'],
    ['para\n\n##', '<p>para</p>'],
    ['| a | b |', '<div class="table" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody></tbody></table></div>'],
    ['a <link href="https://x.ex', '<p>a </p>'],
    ['<respon', ''],
  ];
  for (const [src, html] of shown) it(JSON.stringify(src), () => expect(growing(src)).toBe(html));

  it('commits finished blocks once: their elements stay the same', () => {
    const el = root();
    const renderer = new Renderer(el);
    let src = 'first **para**\n\nsecond\n';
    renderer.update(src, false);
    const first = el.firstChild;
    for (const more of ['\n', 'third', ' and more\n', '\n- a', '\n- b', '\n\nend']) {
      src += more;
      renderer.update(src, false);
      expect(el.firstChild).toBe(first);
    }
  });

  it('appends to the text node of open code, so that a selection in it lives', () => {
    const el = root();
    const renderer = new Renderer(el);
    let src = '```c\nint a;\n';
    renderer.update(src, false);
    const text = el.querySelector('code')!.firstChild;
    for (let i = 0; i < 20; i++) {
      src += `int b${i};\n`;
      renderer.update(src, false);
      expect(el.querySelector('code')!.firstChild).toBe(text);
    }
  });

  it('begins again after a rewind', () => {
    const el = root();
    const renderer = new Renderer(el);
    renderer.update('one\n\ntwo\n\nthree', false);
    renderer.rewind();
    renderer.update('one\n\nt', false);
    renderer.update('one\n\nthe end', true);
    expect(el.innerHTML).toBe('<p>one</p><p>the end</p>');
  });
});

describe('more blocks than a board holds', () => {
  const paragraphs = (n: number) => Array.from({ length: n }, (_, i) => (i % 5 ? `p${i}` : `- i${i}\n- j${i}`)).join('\n\n');
  const long = `${paragraphs(70)}\n<response><body>${paragraphs(40)}<card>c</card>${paragraphs(33)}</body></response>\nend`;

  it('they stand in parts of 32 after the first 32', () => {
    const el = root();
    new Renderer(el).update(paragraphs(98), true);
    expect([...el.children].map((c) => (c.className === 'part' ? c.children.length : 1))).toEqual([...Array(32).fill(1), 32, 32, 2]);
    expect(el.textContent!.match(/\d+/g)!.map(Number)).toEqual(Array.from({ length: 98 }, (_, i) => (i % 5 ? [i] : [i, i])).flat());
  });

  it('the same however cut', () => {
    const expected = whole(long);
    expect(streamed([...long])).toBe(expected);
    for (const at of [1, 100, 250, 400, 600, 800]) expect(streamed([long.slice(0, at), long.slice(at)])).toBe(expected);
  });

  it('shrinks and grows again after a rewind', () => {
    const el = root();
    const renderer = new Renderer(el);
    for (const n of [98, 10, 64, 33, 32, 98]) {
      renderer.rewind();
      renderer.update(paragraphs(n), n === 98);
      const first = el.firstChild;
      if (n === 98) expect(el.innerHTML).toBe(whole(paragraphs(98)));
      expect(el.firstChild).toBe(first);
    }
  });
});

describe('RRML', () => {
  it('becomes elements', () => {
    const src =
      '<response><header>Title</header><subheader>Sub</subheader><body>Some *text*\n\nmore <link href="https://x.example/">here</link>.' +
      '<card><header>Card</header><body>- a\n- b</body></card></body></response>';
    expect(whole(src)).toBe(
      '<div class="rr-response"><h3 class="rr-header">Title</h3><h4 class="rr-subheader">Sub</h4><div class="rr-body"><p>Some <em>text</em></p>' +
        '<p>more <a href="https://x.example/" rel="noopener noreferrer nofollow" target="_blank">here</a>.</p>' +
        '<section class="rr-card"><h3 class="rr-header">Card</h3><div class="rr-body"><ul><li>a</li><li>b</li></ul></div></section></div></div>',
    );
  });

  it('is text in the middle of a line of prose, and in code', () => {
    expect(whole('the <header> element')).toBe('<p>the &lt;header&gt; element</p>');
    expect(whole('```html\n<body>\n```')).toContain('&lt;body&gt;');
    expect(whole('<body>a `<card>` b</body>')).toBe('<div class="rr-body"><p>a <code>&lt;card&gt;</code> b</p></div>');
  });

  it('closes what was left open, and swallows what was never opened', () => {
    expect(whole('<response><body>a</response>b')).toBe('<div class="rr-response"><div class="rr-body"><p>a</p></div></div><p>b</p>');
    expect(whole('<body>a</card>b</body>')).toBe('<div class="rr-body"><p>a</p><p>b</p></div>');
  });
});

const MIXED = [
  '# Heading with `code` and **bold**\n\nA paragraph with *em*, ***both***, ~~del~~ and a [link](https://x.example/a_(b) "t") — 漢字 🙂 done.\nNext line\\\nhard.\n\n1. one\n   - deep\n     more\n2. two\n\n   para in two\n3. three\n\n> quote **bold\n> more**\n\n| a | b |\n|---|--:|\n| 1 | *2* |\n| x |\n\n```ts\nconst a = `x`;\n\n  indented <body>\n```\n\nEnd with https://x.example/y. And -\n- a list\n- [x] done\n---\nlast &amp; least',
  '<response>\n<header>The *title*</header>\n<subheader>under</subheader><body>\nText with `<card>` in code\nand\n\n- a\n- b\n<card><header>H</header><body>```\nfence <body>\n</card> still\n```\nafter</body></card>\n<link href="https://x.example/?a=1&amp;b">label *x*</link></body></response>\n\nPlain <header> again\n',
  'a | b\nc | d\n--|--\n1 | 2\ntext\n\n-\n- x\n\n\n+ y\n1) z\n\n**unclosed and `unclosed\n\n<b>no</b> <response> mid\n  <body>start</body>x ``a` b``` c',
  '- a\n\n  ```\n  code\n  ```\n  b\n* * *\n- \n\n# \n#no\n## yes ##\n>q\n>\n>r\nlazy\n\t- tab\n~~~\n~~~\n```unclosed\n<body>\n',
];

describe('however the text is cut', () => {
  MIXED.forEach((src, n) => {
    const expected = whole(src);
    it(`text ${n}, split once, at every character`, () => {
      for (let i = 0; i <= src.length; i++) expect(streamed([src.slice(0, i), src.slice(i)]), `at ${i}`).toBe(expected);
    });
    it(`text ${n}, one character at a time`, () => expect(streamed([...src])).toBe(expected));
    it(`text ${n}, in pieces of every size`, () => {
      for (let size = 2; size < 40; size++) {
        const pieces: string[] = [];
        for (let i = 0; i < src.length; i += size) pieces.push(src.slice(i, i + size));
        expect(streamed(pieces), `size ${size}`).toBe(expected);
      }
    });
  });
});
