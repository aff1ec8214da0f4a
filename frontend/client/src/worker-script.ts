/**
 * The script of a dedicated Worker: one hub, whose only page is the one that made it.
 */
import { Hub } from './remote/hub.js';
import type { Port } from './remote/messages.js';

new Hub().attach(globalThis as unknown as Port);
