// The left column: classes, their takes, recording, files, renaming, moving, deleting.

import { change, colorOf, current, NOTHING, onState, send, shown, toast } from "./api.js";
import { record } from "./record.js";

const by = (id) => document.getElementById(id);
const list = by("class-list");
let opened = null;

export function setup() {
  by("add-class").onsubmit = async (event) => {
    event.preventDefault();
    const field = by("class-name");
    if (await change("POST", "classes", { label: field.value })) field.value = "";
    field.focus();
  };
  by("add-nothing").onclick = () => change("POST", "classes", { label: NOTHING });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea") || document.querySelector("dialog[open]");
    const one = current() && current().project.classes[Number(event.key) - 1];
    if (!typing && one && !event.ctrlKey && !event.metaKey && !event.altKey) record(one);
  });
  by("take-close").onclick = () => by("take-dialog").close();
  by("take-delete").onclick = async () => {
    await change("DELETE", `takes/${opened.id}`);
    by("take-dialog").close();
  };
  by("take-move").onchange = async (event) => {
    await change("PATCH", `takes/${opened.id}`, { to: event.target.value });
    by("take-dialog").close();
  };
  onState(render);
}

function render({ project }) {
  by("empty").hidden = project.classes.length > 0;
  by("add-nothing").hidden = !project.classes.length || project.classes.some((one) => one.label === NOTHING);
  const cards = new Map([...list.children].map((card) => [card.dataset.id, card]));
  project.classes.forEach((one, index) => {
    const card = cards.get(one.id) || newCard(one.id);
    cards.delete(one.id);
    fill(card, one, index, project.result);
    if (list.children[index] !== card) list.insertBefore(card, list.children[index] || null);
  });
  for (const card of cards.values()) card.remove();
}

function element(kind, values = {}, ...children) {
  const made = Object.assign(document.createElement(kind), values);
  made.append(...children);
  return made;
}

function newCard(id) {
  const find = () => current().project.classes.find((one) => one.id === id);
  const name = element("input", { ariaLabel: "Name of the movement", maxLength: 60 });
  name.onchange = async () => { if (!(await change("PATCH", `classes/${id}`, { label: name.value }))) name.value = find().label; };
  name.onkeydown = (event) => { if (event.key === "Enter") name.blur(); };
  const file = element("input", { type: "file", multiple: true, accept: "video/*,.mkv,.avi", className: "sr" });
  file.onchange = () => { upload(id, file.files); file.value = ""; };
  const files = element("button", { type: "button", className: "icon", title: "Add video files", textContent: "+" });
  files.onclick = () => file.click();
  const remove = element("button", { type: "button", className: "icon", title: "Delete this movement", textContent: "×" });
  remove.onclick = () => {
    const one = find();
    if (!one.takes.length || confirm(`Delete “${shown(one.label)}” and its ${one.takes.length} takes?`)) change("DELETE", `classes/${id}`);
  };
  const button = element("button", { type: "button", className: "record" });
  button.onclick = () => record(find());
  const head = element("div", { className: "class-head" }, name, element("span", { className: "count" }), button, files, file, remove);
  const card = element("li", { className: "class-card" }, head, element("div", { className: "thumbs" }));
  card.dataset.id = id;
  card.ondragover = (event) => { event.preventDefault(); card.classList.add("over"); };
  card.ondragleave = () => card.classList.remove("over");
  card.ondrop = (event) => {
    event.preventDefault();
    card.classList.remove("over");
    const take = event.dataTransfer.getData("text/take");
    if (take) change("PATCH", `takes/${take}`, { to: id });
    else upload(id, event.dataTransfer.files);
  };
  return card;
}

function fill(card, one, index, result) {
  const [name, count, button, files, , remove] = card.firstElementChild.children;
  const title = shown(one.label);
  card.style.setProperty("--hue", colorOf(one.label));
  if (document.activeElement !== name) name.value = title;
  name.readOnly = one.label === NOTHING;
  count.textContent = one.takes.length === 1 ? "1 take" : `${one.takes.length} takes`;
  button.replaceChildren("Record ", ...(index < 9 ? [element("kbd", { textContent: index + 1 })] : []));
  button.ariaLabel = `Record ${title}`;
  files.ariaLabel = `Add video files to ${title}`;
  remove.ariaLabel = `Delete ${title}`;
  const thumbs = card.lastElementChild;
  thumbs.hidden = !one.takes.length;
  const known = new Map([...thumbs.children].map((thumb) => [thumb.dataset.id, thumb]));
  one.takes.forEach((take, number) => {
    const thumb = known.get(take.id) || newThumb(take);
    known.delete(take.id);
    const verdict = result && result.takes[take.id];
    const wrong = Boolean(verdict && verdict.guess !== one.label);
    thumb.classList.toggle("wrong", wrong);
    thumb.ariaLabel = `Take ${number + 1} of ${title}${wrong ? `, mistaken for ${shown(verdict.guess)}` : ""}`;
    thumb.onclick = () => openTake(one, take, number, verdict);
    if (thumbs.children[number] !== thumb) thumbs.insertBefore(thumb, thumbs.children[number] || null);
  });
  for (const thumb of known.values()) thumb.remove();
}

function newThumb(take) {
  const image = element("img", { alt: "", src: `/api/takes/${take.id}/thumbnail`, loading: "lazy" });
  const thumb = element("button", { type: "button", className: "thumb", draggable: true }, image);
  thumb.dataset.id = take.id;
  thumb.ondragstart = (event) => event.dataTransfer.setData("text/take", take.id);
  return thumb;
}

function openTake(one, take, number, verdict) {
  opened = take;
  by("take-title").textContent = `${shown(one.label)}, take ${number + 1}`;
  by("take-play").replaceChildren(element("img", { alt: "The take, playing", src: `/api/takes/${take.id}/thumbnail` }));
  by("take-verdict").textContent = verdict
    ? `${take.seconds.toFixed(1)} s. A training without it said ${shown(verdict.guess)}, ${Math.round(100 * verdict.score)} %.`
    : `${take.seconds.toFixed(1)} s.`;
  by("take-move").replaceChildren(...current().project.classes.map((other) =>
    element("option", { value: other.id, textContent: shown(other.label), selected: other.id === one.id })));
  by("take-dialog").showModal();
}

async function upload(id, files) {
  for (const [number, file] of [...files].entries()) {
    toast(`Adding ${file.name} (${number + 1} of ${files.length})`);
    const form = new FormData();
    form.append("file", file);
    if (await send(`/api/classes/${encodeURIComponent(id)}/takes`, { method: "POST", body: form })) toast(`Added ${file.name}`);
  }
}
