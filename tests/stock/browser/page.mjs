// What the pages share with the test: what came, in order, and a way to look for it.

globalThis.events = []; // of the server
globalThis.times = []; // of each, performance.now()
globalThis.happened = []; // whatever else the client told

export function note(event) {
  events.push(event);
  times.push(performance.now());
}

/** The first event of a type from a place on, with its place and time; null while there is none. */
globalThis.seen = (type, from) => {
  const place = events.findIndex((event, index) => index >= from && event.type === type);
  return place < 0 ? null : { place, at: times[place], event: events[place] };
};
