/**
 * Runs one snippet of the user's own. This worker came with a policy of its own (see `SNIPPET_POLICY` in the
 * server): it may make functions of text, and reach nobody. Whoever started it ends it when it takes too long.
 */

const AsyncFunction = (async () => undefined).constructor;

self.onmessage = async ({ data: { code, args } }) => {
  try {
    const result = await new AsyncFunction('args', code)(args);
    self.postMessage({ output: typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null') });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
};
