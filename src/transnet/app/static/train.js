// The middle column: the button, progress, and what held-out takes say.

import { change, onState, send } from "./api.js";

const by = (id) => document.getElementById(id);
const STAGES = {
  starting: "Getting ready", waiting: "Getting ready; then it trains", features: "Looking at the takes", training: "Training",
  testing: "It answers already. Testing each take by a training without it", exporting: "Writing",
};

export function setup() {
  by("train").onclick = () => send("/api/train", { method: "POST" });
  by("mirror").onchange = (event) => change("PATCH", "settings", { mirror: event.target.checked });
  onState(render);
}

function render({ project, teacher, has_run: hasRun }) {
  const filled = project.classes.filter((one) => one.takes.length);
  const takes = filled.reduce((sum, one) => sum + one.takes.length, 0);
  const busy = ["waiting", "training", "exporting"].includes(teacher.stage);
  by("train").disabled = filled.length < 2 || busy;
  by("train").textContent = busy ? "Training…" : hasRun ? "Train again" : "Train";
  by("train-hint").textContent = filled.length < 2
    ? `Record takes of ${filled.length ? "one more movement" : "two movements"}.`
    : `${takes} takes of ${filled.length} movements.`;
  const working = teacher.stage in STAGES && (teacher.stage !== "starting" || takes > 0);
  by("progress").hidden = !working;
  by("progress").firstElementChild.style.setProperty("--share", teacher.share);
  by("progress").ariaValueNow = Math.round(100 * teacher.share);
  const done = hasRun && teacher.seconds ? `Trained in ${teacher.seconds.toFixed(1)} s.` : "";
  by("stage").textContent = working ? STAGES[teacher.stage] : done;
  by("problem").hidden = !teacher.error;
  by("problem").textContent = teacher.error;
  by("mirror").checked = project.mirror;
  by("result").hidden = !project.result;
  if (!project.result) return;
  by("result").children[0].textContent = project.result.title;
  by("result").children[1].replaceChildren(...project.result.sentences.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}
