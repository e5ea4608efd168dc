/** Explains lanes and marks where they stand: on hover, by the keyboard, by touch. */

const LEAVE_MS = 200; // for the way from the button to its tip
const GAP_PX = 6;

/**
 * Each group `[data-tips]` is a toolbar of buttons: Tab reaches one, arrow keys, Home and End the others. A button's
 * text is the element that its `aria-describedby` names.
 */
export function showTips(root) {
  const tip = root.querySelector('[role="tooltip"]');
  let timer;

  const hide = () => {
    clearTimeout(timer);
    tip.hidden = true;
  };
  const hideSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(hide, LEAVE_MS);
  };
  const show = (button) => {
    clearTimeout(timer);
    tip.textContent = document.getElementById(button.getAttribute("aria-describedby")).textContent;
    tip.hidden = false;
    place(tip, button);
  };

  for (const group of root.querySelectorAll("[data-tips]")) {
    group.addEventListener("keydown", (event) => move(group, event));
    for (const button of group.querySelectorAll("button")) {
      button.addEventListener("focus", () => show(button));
      button.addEventListener("blur", hide);
      button.addEventListener("click", () => show(button));
      button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && show(button));
      button.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && hideSoon());
    }
  }
  tip.addEventListener("pointerenter", () => clearTimeout(timer));
  tip.addEventListener("pointerleave", hideSoon);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("pointerdown", ({ target }) => !target.closest?.("[data-tips] button") && hide());
}

function move(group, event) {
  const buttons = [...group.querySelectorAll("button")].filter((button) => button.checkVisibility());
  const at = buttons.indexOf(event.target);
  const next = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault(); // no scrolling
  if (!buttons[next]) return;
  for (const button of group.querySelectorAll("button")) button.tabIndex = -1;
  buttons[next].tabIndex = 0;
  buttons[next].focus();
}

/** Below the button, within the page's width. */
function place(tip, button) {
  const box = button.getBoundingClientRect();
  const room = document.documentElement.clientWidth - tip.offsetWidth - GAP_PX;
  tip.style.left = `${Math.max(GAP_PX, Math.min(box.left, room)) + scrollX}px`;
  tip.style.top = `${box.bottom + GAP_PX + scrollY}px`;
}
