// What all of these programs do alike.

/** Tell the test: one line of JSON per event. */
export function print(event) {
  console.log(JSON.stringify(event));
}

/** Type something into the conversation. */
export function say(rt, text) {
  rt.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  });
}

/** 16-bit samples at 24 kHz in pieces of 40 ms, as a microphone delivers them. */
export function* pieces(samples) {
  for (let start = 0; start < samples.length; start += 1920) {
    yield samples.subarray(start, start + 1920);
  }
}
