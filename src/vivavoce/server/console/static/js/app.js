/** The console: everything is made here, and told about everything else. */

import { Access } from './access.js';
import { CallBar } from './call-bar.js';
import { Calls } from './calls.js';
import { Connection } from './connection.js';
import { Conversation } from './conversation.js';
import { ConversationView } from './conversation-view.js';
import { find, save, stamp } from './dom.js';
import { EventLog } from './event-log.js';
import { EventLogView } from './event-log-view.js';
import { Floor } from './floor.js';
import { Meters } from './meters.js';
import { Notices } from './notices.js';
import { Player } from './player.js';
import { reported, tooShort, unplugged } from './problem.js';
import { Recorder } from './recorder.js';
import { Settings } from './settings.js';
import { SettingsForm } from './settings-form.js';
import { SignIn } from './sign-in.js';
import { Sound } from './sound.js';
import { duration, showStatus } from './status.js';
import { Talk } from './talk.js';
import { offerThemes } from './theme.js';
import { Timeline } from './timeline.js';
import { TimelineView } from './timeline-view.js';
import { Tools } from './tools.js';
import { ToolsView } from './tools-view.js';
import { WebSocketTransport } from './transport-websocket.js';
import { WebRTCTransport } from './transport-webrtc.js';
import { WriteBar } from './write-bar.js';

/** What a client secret is too short for is told once the session is open. */
const TOO_LONG = 'string_above_max_length';

const access = new Access(new URL('.', document.baseURI));
const settings = new Settings();
const tools = new Tools();
const connection = new Connection();
const floor = new Floor((event) => connection.send(event));
const talk = new Talk(connection, floor, settings);
const calls = new Calls(connection, floor, tools);
const conversation = new Conversation();
const timeline = new Timeline();
const log = new EventLog();
const recorder = new Recorder();
const notices = new Notices(find('notices'));
/** @type {Sound | null} */
let sound = null;
/** @type {Player | null} */
let player = null;
/** @type {{text: string, images: string[]}[]} Messages that wait for the connection. */
const unsent = [];
/** Whether the session has to be told what the secret could not hold. */
let untold = false;

// What is seen.
const list = find('entries');
const view = new ConversationView(conversation, calls, {
  list,
  scroll: find('conversation-scroll'),
  announcer: find('announcer'),
});
const logView = new EventLogView(log, {
  lines: find('log'),
  scroll: find('log-scroll'),
  count: find('event-count'),
});
new TimelineView(timeline, { list: find('turns'), summary: find('timeline-summary') });
const form = new SettingsForm(settings, find('settings'), document.querySelector('.mode'));
new ToolsView(tools, {
  list: find('tools'),
  none: find('no-tools'),
  add: find('add-tool'),
  dialog: find('tool-dialog'),
});
const callBar = new CallBar(
  { talk, settings, connection },
  { start: find('start'), hold: find('hold'), mute: find('mute'), stop: find('stop') },
);
const writeBar = new WriteBar({
  form: find('write'),
  text: find('text'),
  file: find('file'),
  attached: find('attached'),
  drop: document.querySelector('main'),
});
showStatus(connection, { words: find('status'), elapsed: find('elapsed') });
offerThemes(find('theme'));

// The way in.
const signIn = new SignIn(access, {
  section: find('sign-in'),
  form: find('sign-in-form'),
  key: find('key'),
  out: find('sign-out'),
});
signIn.addEventListener('ways', ({ detail }) =>
  form.transports(detail.webrtc && 'RTCPeerConnection' in window),
);
signIn.addEventListener('models', ({ detail }) => {
  notices.clear();
  form.models(detail);
  if (access.signedIn) find('start').focus();
});
signIn.addEventListener('out', () => connection.close());
signIn.addEventListener('problem', ({ detail }) => {
  notices.clear();
  notices.show(detail);
});
signIn.begin();

// The connection.
connection.addEventListener('received', ({ detail: event }) => {
  const at = performance.now();
  log.add('received', event);
  floor.receive(event);
  conversation.receive(event);
  timeline.receive(event, at);
  calls.receive(event);
  talk.receive(event);
  callBar.show();
  if (event.type === 'error' && reported(event.error) !== null) notices.show(reported(event.error));
  if (event.type === 'response.done' && event.response.status === 'failed') {
    notices.show(reported(event.response.status_details?.error ?? { message: 'The answer failed.' }));
  }
});
connection.addEventListener('sent', ({ detail: event }) => log.add('sent', event));
connection.addEventListener('problem', ({ detail }) => notices.show(detail));
connection.addEventListener('speaking', ({ detail }) => sound?.hear(detail));
connection.addEventListener('created', ({ detail: { session, again } }) => {
  form.effective(session);
  if (untold) connection.send({ type: 'session.update', session: settings.update(tools.declared()) });
  if (again) {
    for (const item of conversation.items()) connection.send({ type: 'conversation.item.create', item });
    view.divide('Connected again. The server was told what was said before.');
  }
  unsent.splice(0).forEach(write);
  callBar.focus();
});
connection.addEventListener('state', ({ detail: state }) => {
  recorder.recording = connection.isOpen;
  if (state === 'closed' || state === 'waiting') {
    talk.forget();
    player?.stop();
    sound?.hear(null);
    conversation.settle();
    timeline.interrupt(performance.now());
  }
  if (state === 'closed') sound?.deafen();
  callBar.show();
});
settings.addEventListener('change', ({ detail: changed }) => {
  const patch = settings.patch(changed);
  if (patch !== null) connection.send({ type: 'session.update', session: patch });
  if (changed.includes('model') || changed.includes('transport')) connection.renew();
  if (changed.includes('handsFree')) hushMicrophone();
  if (changed.includes('device') && sound?.microphone) listen().catch((error) => notices.show(error));
});
tools.addEventListener('change', () => {
  connection.send({ type: 'session.update', session: { type: 'realtime', tools: tools.declared() } });
});

// Talking and writing.
callBar.addEventListener('start', () => start(true));
callBar.addEventListener('listen', () => listen().catch((error) => notices.show(error)));
callBar.addEventListener('end', () => connection.close());
writeBar.addEventListener('problem', ({ detail }) => notices.show(detail));
writeBar.addEventListener('message', ({ detail }) => {
  if (connection.isOpen) write(detail);
  else {
    unsent.push(detail);
    if (connection.state === 'closed') start(false);
  }
});
talk.addEventListener('holding', hushMicrophone);
talk.addEventListener('short', () => notices.show(tooShort()));
talk.addEventListener('turn', ({ detail }) => {
  if (detail === 'spoken') timeline.begin('spoken', performance.now());
  else timeline.released(performance.now());
});
calls.addEventListener('call', ({ detail: { itemId, state } }) => {
  if (state === 'answered') timeline.answered(itemId, performance.now());
});

// What is taken home.
recorder.addEventListener('length', () => {
  find('save-recording').disabled = recorder.seconds === 0;
  find('save-recording').querySelector('span').textContent = `Recording ${duration(recorder.seconds)}`;
});
find('save-recording').addEventListener('click', async () =>
  save(await recorder.file(), `vivavoce-${stamp()}.wav`),
);
log.addEventListener('entry', () => {
  find('save-log').disabled = false;
});
find('save-log').addEventListener('click', () => save(log.file(), `vivavoce-${stamp()}.jsonl`));

// The event log's own controls, and the views of narrow screens.
const filter = () =>
  logView.filter({
    words: find('log-filter').value,
    direction: find('log-direction').value,
    deltas: find('log-deltas').checked,
  });
for (const id of ['log-filter', 'log-direction', 'log-deltas']) find(id).addEventListener('input', filter);
find('clear-log').addEventListener('click', () => log.clear());
find('pause-log').addEventListener('click', ({ currentTarget }) => {
  const paused = currentTarget.getAttribute('aria-pressed') !== 'true';
  currentTarget.setAttribute('aria-pressed', String(paused));
  logView.pause(paused);
});
for (const button of document.querySelectorAll('.views button')) {
  button.addEventListener('click', () => {
    document.body.dataset.view = button.dataset.view;
    for (const other of document.querySelectorAll('.views button'))
      other.toggleAttribute('aria-current', false);
    button.setAttribute('aria-current', 'true');
  });
}

/**
 * Connect, with the microphone or without.
 * @param {boolean} speaking
 */
async function start(speaking) {
  notices.clear();
  try {
    await ready();
    if (speaking) await listen();
  } catch (error) {
    notices.show(error);
    return;
  }
  for (const room of [conversation, timeline, recorder]) room.clear();
  connection.open(join);
}

/** The page's sound, which begins with the first thing that the user does. */
async function ready() {
  if (sound !== null) {
    await sound.context.resume();
    return;
  }
  sound = await Sound.start();
  sound.addEventListener('unplugged', () => {
    connection.speak(sound.track);
    notices.show(unplugged());
    callBar.show();
  });
  player = new Player(sound);
  talk.attach(sound, player);
  recorder.attach(sound);
  callBar.attach(sound);
  new Meters(sound, { you: find('meter-you'), assistant: find('meter-assistant') });
  player.addEventListener('started', ({ detail }) => timeline.playing(detail.id, performance.now()));
  player.addEventListener('finished', ({ detail }) => timeline.played(detail.id, performance.now(), false));
  player.addEventListener('stopped', ({ detail }) => timeline.played(detail.id, performance.now(), true));
  for (const type of ['started', 'finished', 'stopped']) player.addEventListener(type, () => callBar.show());
}

async function listen() {
  await sound.listen(settings.values.device);
  connection.speak(sound.track);
  hushMicrophone();
  callBar.show();
  await form.devices();
}

/**
 * A secret, and a connection that it opens.
 * @param {import('./transport-websocket.js').TransportEvents} events
 */
async function join(events) {
  const session = settings.session(tools.declared());
  untold = false;
  let secret;
  try {
    secret = await access.secret(session);
  } catch (error) {
    if (error.code !== TOO_LONG) throw error;
    untold = true;
    const { type, model } = session;
    secret = await access.secret({ type, ...(model ? { model } : {}) });
  }
  if (settings.values.transport === 'websocket') {
    return new WebSocketTransport({ url: access.socketUrl, secret }, events);
  }
  return WebRTCTransport.open({ url: access.callsUrl, secret, track: sound.track }, events);
}

/** With push to talk nothing is heard while the button is not held. */
function hushMicrophone() {
  callBar.hush(!settings.values.handsFree && !talk.holding);
}

/** @param {{text: string, images: string[]}} message */
function write({ text, images }) {
  talk.write(text, images);
  timeline.begin('written', performance.now(), text);
}
