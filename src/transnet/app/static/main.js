import { current, listen, onState } from "./api.js";
import * as classes from "./classes.js";
import * as take from "./take.js";
import * as train from "./train.js";
import * as trying from "./try.js";
import * as watch from "./watch.js";

const by = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab) {
  for (const one of tabs) {
    const chosen = one === tab;
    one.ariaSelected = String(chosen);
    one.tabIndex = chosen ? 0 : -1;
    by(one.getAttribute("aria-controls")).hidden = !chosen;
  }
}

tabs.forEach((tab, index) => {
  tab.onclick = () => select(tab);
  tab.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    select(next);
    next.focus();
  };
});

by("phone").onclick = () => {
  by("phone-qr").src = current().invitation.qr;
  by("phone-dialog").showModal();
};
by("phone-close").onclick = () => by("phone-dialog").close();
onState((state) => {
  by("project-name").textContent = state.name;
  by("phone").hidden = !state.invitation.qr;
});
for (const part of [classes, train, watch, trying, take]) part.setup();
listen();
window.transnet = { latencies: watch.measured };
