/**
 * What the renderer may put on the page, and how it gets there.
 *
 *     Markdown, RRML --parsers--> Node tree --patch--> DOM
 *
 * Model output is hostile. A tree holds text and elements of the allow-list only, with the few attributes named
 * here; nothing is ever parsed as HTML. `patch` keeps what is already right, so text that grows is appended to
 * the text node that holds it, and a selection in it survives.
 */
export interface El {
  tag: string;
  cls?: string;
  /** Only of `a`, and only as `safeHref` returned it. */
  href?: string;
  /** Only of `ol`. */
  start?: number;
  kids: Node[];
  /** Nesting of inline elements below this one, to bound it. */
  depth?: number;
}
export type Node = string | El;

const ALLOWED = new Set(
  'a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr li ol p pre section span strong table tbody td th thead tr ul'.split(' '),
);

export function el(tag: string, kids: Node[] = [], cls?: string): El {
  return cls ? { tag, kids, cls } : { tag, kids };
}

/** An address a link may have, normalised; null for everything but http, https and mailto. */
export function safeHref(raw: string): string | null {
  const trimmed = raw.trim();
  if (!/^(https?:\/\/|mailto:)/i.test(trimmed) || trimmed.length > 4096) return null;
  try {
    const url = new URL(trimmed);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** What an element was last made to be. A node never changes, so an element that is the same one needs no look. */
const current = new WeakMap<Element, El>();

/** Makes the children of `parent` from index `from` up to `until` be `nodes`. */
export function patch(parent: Element, from: number, nodes: Node[], until = Infinity): void {
  let child = parent.childNodes[from] ?? null;
  const end = parent.childNodes[until] ?? null;
  for (const node of nodes) {
    if (child && child !== end && fits(child, node)) {
      refresh(child, node);
      child = child.nextSibling;
    } else {
      const made = create(node, parent.ownerDocument);
      if (child && child !== end) {
        parent.replaceChild(made, child);
        child = made.nextSibling;
      } else {
        parent.insertBefore(made, end);
      }
    }
  }
  while (child && child !== end) {
    const next: ChildNode | null = child.nextSibling;
    parent.removeChild(child);
    child = next;
  }
}

function fits(child: ChildNode, node: Node): boolean {
  if (typeof node === 'string') return child.nodeType === 3;
  return child.nodeType === 1 && (child as Element).localName === node.tag;
}

function refresh(child: ChildNode, node: Node): void {
  if (typeof node !== 'string') {
    if (current.get(child as Element) === node) return;
    current.set(child as Element, node);
    attributes(child as Element, node);
    patch(child as Element, 0, node.kids);
    return;
  }
  const text = child as Text;
  const old = text.data;
  if (old === node) return;
  if (node.startsWith(old)) text.appendData(node.slice(old.length));
  else text.data = node;
}

function create(node: Node, doc: Document): ChildNode {
  if (typeof node === 'string') return doc.createTextNode(node);
  if (!ALLOWED.has(node.tag)) return doc.createTextNode('');
  const made = doc.createElement(node.tag);
  if (node.tag === 'button') made.setAttribute('type', 'button');
  current.set(made, node);
  attributes(made, node);
  for (const kid of node.kids) made.appendChild(create(kid, doc));
  return made;
}

function attributes(e: Element, node: El): void {
  set(e, 'class', node.cls);
  // What may be wider than its place is moved by the arrow keys, too.
  set(e, 'tabindex', node.tag === 'pre' || node.cls === 'table' ? '0' : undefined);
  if (node.tag === 'a') {
    set(e, 'href', node.href);
    set(e, 'rel', node.href && 'noopener noreferrer nofollow');
    set(e, 'target', node.href && '_blank');
  }
  if (node.tag === 'ol') set(e, 'start', node.start !== undefined && node.start !== 1 ? String(node.start) : undefined);
}

function set(e: Element, name: string, value: string | undefined): void {
  if (value === undefined || value === '') {
    if (e.hasAttribute(name)) e.removeAttribute(name);
  } else if (e.getAttribute(name) !== value) {
    e.setAttribute(name, value);
  }
}
