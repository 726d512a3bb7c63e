// Drives a shop page in headless Chromium over the DevTools protocol: waits for the window's frame, presses a button.
// Input (stdin): {debug, page, button, fill}. Output: {result, url}: what sdk.js resolved with, and where the page is.
const { debug, page, button, fill } = JSON.parse(await new Response(process.stdin).text());
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const target = await (await fetch(`${debug}/json/new?about:blank`, { method: "PUT" })).json();
const socket = new WebSocket(target.webSocketDebuggerUrl);
await new Promise((resolve) => socket.addEventListener("open", resolve));
const waiting = new Map();
const contexts = new Map();
let number = 0;
socket.addEventListener("message", ({ data }) => {
  const message = JSON.parse(data);
  if (message.id !== undefined) waiting.get(message.id)(message);
  if (message.method === "Runtime.executionContextCreated") contexts.set(message.params.context.id, message.params.context);
  if (message.method === "Runtime.executionContextDestroyed") contexts.delete(message.params.executionContextId);
  if (message.method === "Runtime.executionContextsCleared") contexts.clear();
});
const call = (method, params = {}) =>
  new Promise((resolve) => {
    waiting.set(++number, resolve);
    socket.send(JSON.stringify({ id: number, method, params }));
  });

async function evaluate(expression, contextId) {
  const { result } = await call("Runtime.evaluate", { expression, contextId, returnByValue: true });
  return result && result.result ? result.result.value : undefined;
}

async function until(what, probe) {
  for (let left = 200; left > 0; left -= 1) {
    const value = await probe();
    if (value) return value;
    await pause(50);
  }
  throw new Error(`waited in vain for ${what}`);
}

await call("Runtime.enable");
await call("Page.enable");
await call("Page.navigate", { url: page });
const ready = "location.pathname.includes('/_sim/window/') && !!document.querySelector('dd')";
const frame = await until("the window", async () => {
  for (const id of [...contexts.keys()]) if ((await evaluate(ready, id)) === true) return id;
  return null;
});
for (const [id, value] of Object.entries(fill || {})) {
  await evaluate(`document.getElementById(${JSON.stringify(id)}).value = ${JSON.stringify(value)}`, frame);
}
await evaluate(`document.getElementById(${JSON.stringify(button)}).click()`, frame);
const outcome = await until("the result", async () => {
  const shown = await evaluate("document.getElementById('result') && document.getElementById('result').textContent");
  return shown ? { result: JSON.parse(shown), url: await evaluate("location.href") } : null;
});
await fetch(`${debug}/json/close/${target.id}`);
socket.close();
console.log(JSON.stringify(outcome));
