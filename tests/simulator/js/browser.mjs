// Drives a shop page in headless Chromium over the DevTools protocol: waits for the window (a frame, or a popup, which is
// a page of its own), presses a button; ``leave`` closes a popup by its frame instead.
// Input (stdin): {debug, page, button, fill, popup, leave}. Output: {result, url, popups}: what sdk.js resolved with, where
// the page is, how many popups are still open.
const { debug, page, button, fill, popup, leave } = JSON.parse(await new Response(process.stdin).text());
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function connect(address) {
  const socket = new WebSocket(address);
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
  await call("Runtime.enable");
  await call("Page.enable");
  return { call, contexts, close: () => socket.close() };
}

async function evaluate(connection, expression, contextId) {
  const { result } = await connection.call("Runtime.evaluate", { expression, contextId, returnByValue: true });
  return result && result.result ? result.result.value : undefined;
}

async function until(what, probe) {
  for (let left = 400; left > 0; left -= 1) {
    const value = await probe();
    if (value) return value;
    await pause(50);
  }
  throw new Error(`waited in vain for ${what}`);
}

const target = await (await fetch(`${debug}/json/new?about:blank`, { method: "PUT" })).json();
const shop = await connect(target.webSocketDebuggerUrl);
await shop.call("Page.navigate", { url: page });
const ready = "location.pathname.includes('/_sim/window/') && !!document.querySelector('dd')";
const popups = async () =>
  (await (await fetch(`${debug}/json/list`)).json()).filter((one) => one.type === "page" && one.url.includes("/_sim/window/"));

async function frameOf(connection) {
  for (const id of [...connection.contexts.keys()]) if ((await evaluate(connection, ready, id)) === true) return id;
  return null;
}

const opened = popup ? await until("the popup", async () => (await popups())[0]) : null;
const place = opened === null ? shop : await connect(opened.webSocketDebuggerUrl);
const frame = await until("the window", () => frameOf(place));
for (const [id, value] of Object.entries(fill || {})) {
  await evaluate(place, `document.getElementById(${JSON.stringify(id)}).value = ${JSON.stringify(value)}`, frame);
}
if (leave) await fetch(`${debug}/json/close/${opened.id}`);
else await evaluate(place, `document.getElementById(${JSON.stringify(button)}).click()`, frame);
const outcome = await until("the result", async () => {
  const shown = await evaluate(shop, "document.getElementById('result') && document.getElementById('result').textContent");
  return shown ? { result: JSON.parse(shown), url: await evaluate(shop, "location.href") } : null;
});
if (popup) outcome.popups = await until("the popup to close", async () => ((await popups()).length === 0 ? "closed" : null));
if (place !== shop) place.close();
await fetch(`${debug}/json/close/${target.id}`);
shop.close();
console.log(JSON.stringify(outcome));
