/**
 * The script of a SharedWorker: one hub for every tab of this origin.
 */
import { Hub } from './remote/hub.js';

const hub = new Hub();
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports }) => hub.attach(ports[0]!);
