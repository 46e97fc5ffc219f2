// The page around the stepper: its address, its keys, light and dark, and paper.
const root = document.documentElement;
const isFramed = location.protocol === "about:"; // a frame in a notebook has no address of its own

// #step=5 is a place in the backward pass, #forward=3 one in the forward pass.
function address({ position }) {
  if (isFramed) return;
  const hash = position < 0 ? `#forward=${position - stepper.lowest}` : `#step=${position}`;
  history.replaceState(null, "", hash);
}

function wanted() {
  const [, pass, made] = /^#(step|forward)=(\d+)$/.exec(location.hash) ?? [];
  if (!pass) return stepper.position;
  return pass === "step" ? Number(made) : Math.min(-1, stepper.lowest + Number(made));
}

let stepper = { position: 0 };
const element = document.querySelector(".stepper");
const open = element.classList.contains("quiz") ? quiz : mount;
stepper = open(element, { keys: document, focus: !isFramed && self === top, onStep: (step) => stepper.go && address(step) });
stepper.go(wanted());
addEventListener("hashchange", () => stepper.go(wanted()));

document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
addEventListener("beforeprint", () => stepper.printed(true));
addEventListener("afterprint", () => stepper.printed(false));
