/** From the journal to a server, at any time and from any machine: exactly once in effect. */
export { followRun, type FollowOptions } from './follow.js';
export { clientKeyOf, Sender, type SenderOptions } from './sender.js';
export { readStatus, Sent, trackFolder, writeStatus, type Status } from './sent.js';
export { lockOf } from './lock.js';
export { places, rootPlace } from './places.js';
export { madeBy, type ServerRun } from './origin.js';
export { restoreRun, type Restored } from './restore.js';
