// Recording: a countdown, then takes one after the other, so that one person alone can step back.

import { address, NOTHING, shown, toast } from "./api.js";
import * as camera from "./camera.js";

const TAKES = 5;
const TAKE_S = 2;
const FRAME_MS = 1000 / 15;
const box = document.getElementById("recording");
const by = (id) => document.getElementById(id);
let stopped = false;

by("recording-stop").onclick = () => box.close();
box.addEventListener("close", () => (stopped = true));

export async function record(one) {
  if (box.open) return;
  try {
    await camera.show(by("recording-video"));
  } catch (error) {
    toast(error.message);
    return;
  }
  stopped = false;
  by("recording-title").textContent = one.label === NOTHING ? "Nothing: stand, walk by, leave the picture" : shown(one.label);
  by("recording-count").textContent = "";
  box.showModal();
  const nothing = one.label === NOTHING;
  const socket = await open(one.id);
  try {
    for (let number = 1; socket && number <= TAKES && !stopped; number++) {
      by("recording-count").textContent = `Take ${number} of ${TAKES}`;
      await countDown(number === 1 ? 3 : nothing ? 0 : 1);
      if (!stopped) await take(socket);
    }
  } catch (error) {
    toast(error.message);
  }
  if (socket) socket.close();
  box.close();
}

function open(id) {
  return new Promise((done) => {
    const socket = new WebSocket(address(`/api/record/${encodeURIComponent(id)}`));
    socket.onopen = () => done(socket);
    socket.onerror = () => { toast("The server does not answer."); done(null); };
  });
}

async function countDown(seconds) {
  for (let left = seconds; left > 0 && !stopped; left--) {
    by("countdown").textContent = left;
    await camera.sleep(1000);
  }
  by("countdown").textContent = "";
}

async function take(socket) {
  const saved = answer(socket);
  const bar = by("recording-bar").firstElementChild;
  box.classList.add("on");
  const began = performance.now();
  let next = began;
  try {
    while (performance.now() - began < 1000 * TAKE_S && !stopped) {
      const { message } = await camera.frame();
      socket.send(message);
      bar.style.setProperty("--share", Math.min(1, (performance.now() - began) / 1000 / TAKE_S));
      next += FRAME_MS;
      await camera.sleep(Math.max(0, next - performance.now()));
    }
  } finally {
    box.classList.remove("on");
    bar.style.setProperty("--share", 0);
  }
  if (stopped) return;
  socket.send("save");
  await saved;
}

function answer(socket) {
  const heard = new Promise((done, failed) => {
    socket.onmessage = ({ data }) => {
      const values = JSON.parse(data);
      values.kind === "saved" ? done(values) : failed(new Error(values.error));
    };
    socket.onclose = () => failed(new Error("The take was lost: the server closed the connection."));
  });
  heard.catch(() => {});
  return heard;
}
