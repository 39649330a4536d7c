// The sandbox's page API (docs/sandbox.md): plain JSON over HTTP, and one WebSocket for what happens.
async function call(path, body) {
  const response = await fetch(path, body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const text = await response.text();
  const value = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(value?.message ?? `the sandbox answered ${response.status}`);
  return value;
}

export const state = () => call("/sandbox/state");
export const commands = (guild) => call(`/sandbox/commands?guild_id=${guild}`);
export const command = (body) => call("/sandbox/command", body);
export const autocomplete = (body) => call("/sandbox/autocomplete", body);
export const component = (body) => call("/sandbox/component", body);
export const modal = (body) => call("/sandbox/modal", body);
export const join = (body) => call("/sandbox/join", body);
export const leave = (body) => call("/sandbox/leave", body);

/** Calls `handle(type, data)` for each event, and reconnects by itself; `lost` says that the picture may be stale. */
export function events(user, handle, lost) {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/sandbox/events?user_id=${user}`);
  socket.onmessage = ({ data }) => { const event = JSON.parse(data); handle(event.t, event.d); };
  socket.onclose = () => { lost(); setTimeout(() => events(user, handle, lost), 1000); };
}
