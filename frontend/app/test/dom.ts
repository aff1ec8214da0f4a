/**
 * The few things of a document that the renderer touches, so that ten thousand small texts can be rendered in a second.
 * It parses nothing. `hostile.test.ts` holds it against jsdom.
 */
const VOID = new Set(['br', 'hr']);

abstract class Item {
  parent: Elem | null = null;
  abstract readonly nodeType: number;
  abstract html(): string;
  abstract get textContent(): string;

  get nextSibling(): Item | null {
    const all = this.parent?.childNodes ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
}

export class Text extends Item {
  readonly nodeType = 3;
  constructor(public data: string) {
    super();
  }
  appendData(more: string): void {
    this.data += more;
  }
  get textContent(): string {
    return this.data;
  }
  html(): string {
    return escape(this.data);
  }
}

export class Elem extends Item {
  readonly nodeType = 1;
  readonly childNodes: Item[] = [];
  readonly attributes = new Map<string, string>();
  readonly ownerDocument = doc;

  constructor(readonly localName: string) {
    super();
  }
  get textContent(): string {
    return this.childNodes.map((n) => n.textContent).join('');
  }
  set className(value: string) {
    this.attributes.set('class', value);
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  hasAttribute(name: string): boolean {
    return this.attributes.has(name);
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  insertBefore(node: Item, before: Item | null): void {
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, node);
    node.parent = this;
  }
  appendChild(node: Item): void {
    this.insertBefore(node, null);
  }
  removeChild(node: Item): void {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
  }
  replaceChild(node: Item, old: Item): void {
    this.insertBefore(node, old);
    this.removeChild(old);
  }
  /** Every element below this one. */
  *all(): Iterable<Elem> {
    for (const node of this.childNodes) {
      if (!(node instanceof Elem)) continue;
      yield node;
      yield* node.all();
    }
  }
  get innerHTML(): string {
    return this.childNodes.map((n) => n.html()).join('');
  }
  html(): string {
    const attributes = [...this.attributes].map(([k, v]) => ` ${k}="${v.replace(/[&\u00a0"<>]/g, (c) => ENTITIES[c] ?? c)}"`).join('');
    return `<${this.localName}${attributes}>${VOID.has(this.localName) ? '' : `${this.innerHTML}</${this.localName}>`}`;
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\u00a0': '&nbsp;' };

function escape(text: string): string {
  return text.replace(/[&<>\u00a0]/g, (c) => ENTITIES[c]!);
}

const doc = { createElement: (name: string) => new Elem(name), createTextNode: (text: string) => new Text(text) };
