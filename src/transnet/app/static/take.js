// Taking it away: the run, ONNX models, a page that recognizes by itself.

import { onState, send } from "./api.js";

const by = (id) => document.getElementById(id);
const FORMS = [
  ["page", "One page", "A web page that recognizes in the browser. Nothing is uploaded; any static host will do."],
  ["run", "The run", "For transnet predict, live and serve on another computer."],
  ["onnx", "ONNX models", "For other programs and languages, without torch."],
];
let asked = "";

export function setup() {
  onState((state) => {
    by("take-hint").textContent = state.has_run ? "" : "Train first; then everything here is yours.";
    if (state.exports.includes(asked) || state.teacher.stage === "failed") asked = "";
    by("take-list").replaceChildren(...FORMS.map((form) => entry(state, ...form)));
  });
}

function entry(state, form, title, text) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("strong"), { textContent: title });
  const about = Object.assign(document.createElement("p"), { textContent: text });
  item.append(name, about, action(state, form, title));
  return item;
}

function action(state, form, title) {
  if (state.exports.includes(form)) {
    return Object.assign(document.createElement("a"), {
      className: "button primary action", href: `/api/exports/${form}`, textContent: "Download", ariaLabel: `Download: ${title}`,
    });
  }
  const busy = asked === form;
  const button = Object.assign(document.createElement("button"), {
    type: "button", className: "action", textContent: busy ? "Making…" : "Make",
    ariaLabel: `Make: ${title}`, disabled: !state.has_run || Boolean(asked),
  });
  button.onclick = async () => {
    asked = form;
    if (!(await send(`/api/exports/${form}`, { method: "POST" }))) asked = "";
  };
  return button;
}
