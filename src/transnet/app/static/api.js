// The server: requests, the state of the project, events for every open tab.

export const NOTHING = "_none";
export const shown = (label) => (label === NOTHING ? "nothing" : label === "unknown" ? "–" : label);
export const hue = (index) => `hsl(${(168 + index * 137.5) % 360} 58% 46%)`;

let state = null;
const listeners = new Set();

export const current = () => state;
export function onState(listener) {
  listeners.add(listener);
  if (state) listener(state);
}
export function colorOf(label) {
  if (label === NOTHING) return "hsl(80 4% 58%)";
  const labels = state ? state.project.classes.map((one) => one.label) : [];
  const index = labels.indexOf(label);
  return index < 0 ? "transparent" : hue(index);
}

function publish(next) {
  if (state && next.project.version < state.project.version) return;
  state = next;
  for (const listener of listeners) listener(state);
}

export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.hidden = true), 6000);
}

// A change is of the version that this tab shows; another tab's change comes back as 409.
export async function change(method, path, body) {
  const url = `/api/${path}?version=${state ? state.project.version : 0}`;
  return send(url, { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) });
}

export async function send(url, options) {
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    toast("The server does not answer. Is transnet app still running?");
    return null;
  }
  const values = await answer.json().catch(() => ({ error: answer.statusText }));
  if (answer.ok) {
    if (values.kind === "state") publish(values);
    return values;
  }
  toast(values.error);
  if (answer.status === 409) await send("/api/project");
  return null;
}

export function address(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

export function listen() {
  const socket = new WebSocket(address("/api/events"));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.kind === "state") publish(event);
    else if (event.kind === "progress" && state) publish({ ...state, teacher: event.teacher });
  };
  socket.onclose = () => setTimeout(listen, 1500);
}

export function scoreBars(box, scores) {
  const rows = Object.entries(scores);
  while (box.children.length > rows.length) box.lastChild.remove();
  rows.forEach(([label, score], index) => {
    const row = box.children[index] || box.appendChild(scoreRow());
    row.children[0].textContent = shown(label);
    row.style.setProperty("--hue", colorOf(label));
    row.style.setProperty("--share", score.toFixed(3));
    row.children[2].textContent = `${Math.round(100 * score)} %`;
  });
}

function scoreRow() {
  const row = document.createElement("div");
  row.className = "score";
  const meter = document.createElement("div");
  meter.className = "meter";
  meter.append(document.createElement("div"));
  row.append(document.createElement("span"), meter, document.createElement("span"));
  return row;
}
