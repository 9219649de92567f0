// Trying a clip: a file or three recorded seconds; a long one becomes a timeline.

import { scoreBars, shown, toast } from "./api.js";
import * as camera from "./camera.js";

const by = (id) => document.getElementById(id);
const LONG_S = 15;
const RECORD_MS = 3000;
let looked = null; // the file that the answer is for

export function setup() {
  by("try-file").onchange = (event) => { if (event.target.files[0]) look(event.target.files[0]); event.target.value = ""; };
  const drop = by("drop");
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) look(event.dataTransfer.files[0]);
  };
  by("try-record").onclick = recordClip;
  by("try-explain").onclick = explain;
}

async function recordClip() {
  const button = by("try-record");
  try {
    const stream = await camera.start();
    const kind = ["video/webm", "video/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    const recorder = new MediaRecorder(stream, { mimeType: kind });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((done) => (recorder.onstop = done));
    button.disabled = true;
    recorder.start(500);
    for (let left = RECORD_MS; left > 0; left -= 1000) {
      button.textContent = `Recording: ${left / 1000}`;
      await camera.sleep(1000);
    }
    recorder.stop();
    await ended;
    await look(new File(parts, kind === "video/mp4" ? "recorded.mp4" : "recorded.webm"));
  } catch (error) {
    toast(error.message);
  }
  button.disabled = false;
  button.textContent = "Record 3 seconds";
}

async function look(file) {
  clear();
  const video = by("try-video");
  URL.revokeObjectURL(video.src);
  video.src = URL.createObjectURL(file);
  by("try-note").textContent = "Looking…";
  const seconds = await duration(video);
  const form = new FormData();
  form.append("file", file);
  const long = Number.isFinite(seconds) && seconds > LONG_S;
  const values = await post(long ? "/timeline" : "/predict?detail=1", form);
  if (!values) return;
  if (long) return follow(values);
  by("try-label").textContent = shown(values.label);
  scoreBars(by("try-bars"), values.scores);
  looked = file;
  by("try-explain").hidden = false;
  by("try-note").textContent = `${file.name}: ${values.start_s.toFixed(1)} to ${values.end_s.toFixed(1)} s${values.damage ? `; the file ${values.damage}` : ""}`;
}

function clear() {
  by("try-label").textContent = "";
  by("try-bars").replaceChildren();
  by("try-segments").replaceChildren();
  by("try-explain").hidden = by("try-heat").hidden = true;
}

// The frames with the regions that the answer is based on, made when it is asked for.
async function explain() {
  const button = by("try-explain");
  const form = new FormData();
  form.append("file", looked);
  button.disabled = true;
  const answer = await fetch("/explain", { method: "POST", body: form }).catch(() => null);
  button.disabled = false;
  if (!answer || !answer.ok) {
    const values = answer && (await answer.json().catch(() => null));
    return toast(values ? values.error : "The server does not answer.");
  }
  const picture = by("try-picture");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(await answer.blob());
  by("try-heat").hidden = false;
  button.hidden = true;
}

// The length in seconds; a browser that cannot play the file does not know it.
function duration(video) {
  return new Promise((done) => {
    video.onloadedmetadata = () => { video.hidden = false; done(video.duration); };
    video.onerror = () => { video.hidden = true; done(NaN); };
    setTimeout(() => done(NaN), 3000);
  });
}

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", body }).catch(() => null);
  const values = answer && (await answer.json().catch(() => null));
  if (answer && answer.ok) return values;
  by("try-note").textContent = values ? values.error : "The server does not answer.";
  return null;
}

async function follow(job) {
  while (job && (job.status === "waiting" || job.status === "running")) {
    by("try-note").textContent = `Watching it: ${Math.round(100 * job.progress)} %`;
    await camera.sleep(500);
    job = await fetch(`/jobs/${job.id}`).then((answer) => answer.json()).catch(() => null);
  }
  if (!job || job.status === "failed") {
    by("try-note").textContent = job ? job.error : "The server does not answer.";
    return;
  }
  by("try-note").textContent = `${job.result.segments.length} segments in ${job.result.seconds.toFixed(0)} s.`;
  by("try-segments").replaceChildren(...job.result.segments.map((one) => {
    const row = document.createElement("li");
    const texts = [`${one.start_s.toFixed(1)} – ${one.end_s.toFixed(1)} s`, shown(one.label), `${Math.round(100 * one.score)} %`];
    row.append(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    return row;
  }));
}
