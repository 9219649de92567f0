// The camera: one stream for the preview, recording and watching; frames as JPEG with their times.

const SHORT_SIDE = 256; // what the network resizes a picture to before it cuts its square
const QUALITY = 0.9;

let stream = null;
const source = document.createElement("video");
source.muted = true;
source.playsInline = true;
const canvas = document.createElement("canvas");

export const isOn = () => Boolean(stream && stream.active);

export async function start() {
  if (isOn()) return stream;
  if (!navigator.mediaDevices) throw new Error("This address may not use the camera: open the page as https or on 127.0.0.1.");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } }, audio: false });
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("The camera is blocked. Allow it in the address bar, then try again.");
    if (error.name === "NotFoundError") throw new Error("There is no camera. Drop video files on a movement instead.");
    throw new Error(`The camera cannot be used (${error.message}).`);
  }
  source.srcObject = stream;
  await source.play();
  return stream;
}

export async function show(video) {
  video.srcObject = await start();
  await video.play().catch(() => {});
}

// Resolves with the next picture of the camera.
function nextPicture() {
  if (!source.requestVideoFrameCallback) return new Promise((done) => setTimeout(() => done(performance.now()), 33));
  return new Promise((done) => {
    const late = setTimeout(() => done(performance.now()), 500);
    source.requestVideoFrameCallback((now) => { clearTimeout(late); done(now); });
  });
}

// A message of a stream: the time in seconds (float64, little-endian), then a JPEG.
export async function frame() {
  await nextPicture();
  const taken = performance.now();
  const scale = SHORT_SIDE / Math.min(source.videoWidth, source.videoHeight);
  const width = Math.round((source.videoWidth * scale) / 2) * 2;
  const height = Math.round((source.videoHeight * scale) / 2) * 2;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.getContext("2d", { alpha: false }).drawImage(source, 0, 0, width, height);
  const jpeg = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  const time = new DataView(new ArrayBuffer(8));
  time.setFloat64(0, taken / 1000, true);
  return { taken, message: new Blob([time.buffer, jpeg]) };
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
