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

/**
 * Shows the messages of a conversation: {from, text, author?, attachments?, status?}; notes have no `from`. New ones are added, and the
 * log scrolls to its end. `status` is the text of a message's status, which may change.
 */
export function showMessages(log, messages, me, names) {
  if (log.children.length > messages.length) log.replaceChildren();
  for (const message of messages.slice(log.children.length)) {
    log.append(messageElement(message, me, names));
    log.scrollTop = log.scrollHeight;
  }
  messages.forEach(({ status }, i) => status && showStatus(log.children[i], status, log));
}

function messageElement({ from, text, author, attachments = [] }, me, names) {
  if (!from) return make("p", { className: "event" }, text);
  const who = make("span", { className: "who" }, (from !== me && author) || names[from]);
  // What is in a file is somebody else's.
  const safe = { className: "file", target: "_blank", rel: "noopener noreferrer" };
  const files = attachments.map(({ url, name }) => make("a", { ...safe, href: url }, name || "A file"));
  return make("p", { className: from === me ? "message mine" : "message" }, who, text, ...files);
}

function showStatus(element, status, log) {
  const known = element.querySelector(".delivery");
  if (known) return setText(known, status);
  // A log announces what is added to it: each message's status need not be announced.
  const line = make("span", { className: "delivery" }, status);
  line.ariaLive = "off";
  element.append(line);
  log.scrollTop = log.scrollHeight;
}

/** Hides elements for the other platform. */
export function showPlatform(platform) {
  for (const element of document.querySelectorAll("[data-only]")) element.hidden = element.dataset.only !== platform;
}

/** Enter sends, Shift+Enter makes a new line; an Enter that ends an IME composition does neither. */
export function sendOnEnter(box) {
  box.addEventListener("keydown", (event) => {
    // In Safari the Enter that commits a composition comes after it, with this code.
    const commits = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || commits) return;
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
