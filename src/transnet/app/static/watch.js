// Watching: a new frame goes out after the answer to the last one, so latency never grows.

import { address, colorOf, NOTHING, onState, scoreBars, shown, toast } from "./api.js";
import * as camera from "./camera.js";

const by = (id) => document.getElementById(id);
const FRAME_MS = 1000 / 20;
const MINUTE_MS = 60000;
const past = []; // {at, label}
const latencies = [];
let socket = null;
let ready = false;
let wanted = false;
let heard = "";

export const measured = () => [...latencies];

export function setup() {
  by("camera-on").onclick = async () => {
    wanted = true;
    await begin();
  };
  by("threshold").oninput = () => (by("threshold-value").textContent = `${by("threshold").value} %`);
  onState((state) => {
    const was = ready;
    ready = state.ready;
    by("notify").hidden = !state.notify;
    by("notify").textContent = `Events are posted to ${state.notify}`;
    if (ready && !was) begin();
    if (!camera.isOn()) say("–", true);
    else if (!ready) say("Train it first", true);
  });
  setInterval(draw, 250);
}

async function begin() {
  if (!wanted) return;
  try {
    await camera.show(by("preview"));
  } catch (error) {
    by("camera-note").textContent = error.message;
    return;
  }
  by("camera-off").hidden = true;
  if (!ready) say("Train it first", true);
  else if (!socket) connect();
}

function connect() {
  socket = new WebSocket(address("/stream"));
  const own = socket;
  let answered = null;
  own.onopen = async () => {
    while (own.readyState === WebSocket.OPEN) {
      const began = performance.now();
      const { taken, message } = await camera.frame();
      if (own.readyState !== WebSocket.OPEN) return;
      const reply = new Promise((done) => (answered = done));
      own.send(message);
      await reply;
      latencies.push(performance.now() - taken);
      if (latencies.length > 400) latencies.shift();
      await camera.sleep(Math.max(0, FRAME_MS - (performance.now() - began)));
    }
  };
  own.onmessage = ({ data }) => {
    const line = JSON.parse(data);
    if (line.kind === "segment") return; // the answer to the frame follows it
    if (line.kind === "window") answer(line);
    else if (line.kind === "waiting") say(`Watch: ${Math.ceil(line.seconds_left)} s`, true);
    else if (line.kind === "error") toast(line.error);
    if (answered) answered();
  };
  own.onclose = () => {
    socket = null;
    if (answered) answered();
    if (wanted) setTimeout(begin, 1500);
  };
}

function answer(line) {
  const sure = line.score >= by("threshold").value / 100;
  const label = sure ? line.label : "unknown";
  say(shown(label), !sure || label === NOTHING);
  scoreBars(by("bars"), line.scores);
  past.push({ at: performance.now(), label });
  while (past.length && past[0].at < performance.now() - MINUTE_MS) past.shift();
  if (line.event !== heard) {
    heard = line.event;
    if (by("sound").checked && heard !== NOTHING && heard !== "unknown") beep();
  }
  const recent = latencies.slice(-40).sort((a, b) => a - b);
  by("latency").hidden = false;
  by("latency").textContent = `${Math.round(recent[recent.length >> 1] || 0)} ms`;
}

function say(text, unsure) {
  if (by("label").textContent !== text) by("label").textContent = text;
  by("label").classList.toggle("unsure", unsure);
}

function beep() {
  const audio = (beep.audio ||= new AudioContext());
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.25);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.25);
}

function draw() {
  const canvas = by("minute");
  if (!canvas.offsetParent) return;
  const pen = canvas.getContext("2d");
  const now = performance.now();
  pen.clearRect(0, 0, canvas.width, canvas.height);
  past.forEach((one, index) => {
    const until = past[index + 1] ? past[index + 1].at : Math.min(now, one.at + 500);
    const left = canvas.width * (1 - (now - one.at) / MINUTE_MS);
    pen.fillStyle = colorOf(one.label);
    pen.fillRect(left, 8, Math.max(1, (canvas.width * (until - one.at)) / MINUTE_MS + 0.5), canvas.height - 16);
  });
}
