/**
 * Colours for closed code blocks: comments, strings, numbers, keywords, and nothing finer.
 *
 * One pass with one pattern in which every alternative always ends, so time is linear whatever the code is. A
 * language it has not heard of stays plain. It returns nodes; their text is exactly the code.
 */
import { el, type Node } from './nodes.ts';

const MAX_CODE = 100_000;
const STRINGS = `"(?:\\\\.|[^"\\\\\\n])*"?|'(?:\\\\.|[^'\\\\\\n])*'?`;
const REST = '|(\\b\\d[\\w.]*)|([A-Za-z_$][\\w$]*)';
const SLASHES = new RegExp(`(//[^\\n]*|/\\*[^]*?(?:\\*/|$))|(${STRINGS}|\`(?:\\\\[^]|[^\`\\\\])*\`?)${REST}`, 'g');
const HASHES = new RegExp(`((?<=^|\\s)#[^\\n]*)|(${STRINGS})${REST}`, 'gm');
const DASHES = new RegExp(`(--[^\\n]*)|(${STRINGS})${REST}`, 'g');

const words = (text: string) => new Set(text.split(' '));
const C = 'auto bool break case char class const constexpr continue default delete do double else enum explicit extern false float for goto if inline int long namespace new nullptr NULL operator private protected public register return short signed sizeof static struct switch template this throw true try typedef typename union unsigned using virtual void volatile while catch noexcept override';
const JS = 'abstract any as async await boolean break case catch class const continue debugger default delete do else enum export extends false finally for from function get if implements import in instanceof interface keyof let namespace new null number of private protected public readonly return satisfies set static string super switch this throw true try type typeof undefined unknown var void while yield';
const JAVA = `${C} abstract extends final finally implements import instanceof interface native null package super synchronized throws var val fun when object override internal string decimal foreach in is out ref get set async await record sealed`;
const GO = 'break case chan const continue default defer else fallthrough false for func go goto if import interface iota map nil package range return select string struct switch true type var error int int64 byte bool';
const RUST = 'as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while';
const PYTHON = 'and as assert async await break class continue def del elif else except False finally for from global if import in is lambda None nonlocal not or pass raise return True try while with yield self match case';
const SHELL = 'if then else elif fi for while do done case esac in function return exit local export set unset source echo cd true false sudo';
const RUBY = 'begin break case class def do else elsif end ensure false for if in module next nil not or redo rescue retry return self super then true undef unless until when while yield require';
const SQL = 'add all alter and as asc begin between by case check column commit constraint create cross default delete desc distinct drop else end exists foreign from full group having in index inner insert into is join key left like limit not null offset on or order outer primary references returning right rollback select set table then union unique update using values view when where with';
const LUA = 'and break do else elseif end false for function goto if in local nil not or repeat return then true until while';
const DATA = 'true false null yes no';

const LANGUAGES: Array<[names: string, pattern: RegExp, keywords: Set<string>]> = [
  ['c cpp c++ h hpp cc objc', SLASHES, words(C)],
  ['js jsx ts tsx javascript typescript mjs svelte vue', SLASHES, words(JS)],
  ['java kotlin kt cs csharp swift scala dart php', SLASHES, words(JAVA)],
  ['go golang', SLASHES, words(GO)],
  ['rust rs', SLASHES, words(RUST)],
  ['json json5 jsonc css', SLASHES, words(DATA)],
  ['py python', HASHES, words(PYTHON)],
  ['sh bash shell zsh console dockerfile make makefile', HASHES, words(SHELL)],
  ['rb ruby', HASHES, words(RUBY)],
  ['yaml yml toml ini conf', HASHES, words(DATA)],
  ['sql', DASHES, words(SQL)],
  ['lua', DASHES, words(LUA)],
];

export function highlight(code: string, language: string): Node[] {
  const name = language.toLowerCase();
  const found = LANGUAGES.find(([names]) => names.split(' ').includes(name));
  if (!found || code.length > MAX_CODE) return [code];
  const [, pattern, keywords] = found;
  const out: Node[] = [];
  let at = 0;
  for (const m of code.matchAll(pattern)) {
    const cls = m[1] ? 'hc' : m[2] ? 'hs' : m[3] ? 'hn' : isKeyword(m[0], keywords, name) ? 'hk' : '';
    if (!cls) continue;
    if (m.index > at) out.push(code.slice(at, m.index));
    out.push(el('span', [m[0]], cls));
    at = m.index + m[0].length;
  }
  if (at < code.length) out.push(code.slice(at));
  return out;
}

function isKeyword(word: string, keywords: Set<string>, name: string): boolean {
  return keywords.has(name === 'sql' ? word.toLowerCase() : word);
}
