/** Small helpers for the page's elements. */

/** An element with properties and children: make("p", {className: "hint"}, "Hello"). */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Sets a text only when it differs, so that nothing is announced or painted twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the messages of a conversation when there are new ones, and follows its end. */
export function showMessages(log, messages, me, names) {
  if (log.children.length > messages.length) log.replaceChildren();
  for (const { from, text } of messages.slice(log.children.length)) {
    const who = make("span", { className: "who" }, names[from]);
    log.append(make("p", { className: from === me ? "message mine" : "message" }, who, text));
    log.scrollTop = log.scrollHeight;
  }
}

/** Enter sends, Shift+Enter makes a new line; an Enter that ends an IME composition does neither. */
export function sendOnEnter(box) {
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    box.form.requestSubmit();
  });
}

/** The dots of a typing indicator. */
export function typingDots() {
  const dots = make("span", { className: "dots" }, make("i"), make("i"), make("i"));
  dots.ariaHidden = "true";
  return dots;
}
