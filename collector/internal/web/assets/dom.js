// Elements and words. Text goes into text nodes only, never into markup.

/**
 * @typedef {Node | string | null | undefined} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes
 */

/**
 * @template {Element} E
 * @param {E} node
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {E}
 */
function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice("on".length), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

/**
 * An element; an attribute that is a function listens, as onclick does.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export const el = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export const svg = (tag, attributes, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/**
 * The element of index.html with this id. A wrong id is a mistake of ours.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/**
 * A radio, box or field of index.html.
 * @param {string} id
 * @returns {HTMLInputElement}
 */
export function inputById(id) {
  const node = byId(id);
  if (!(node instanceof HTMLInputElement)) throw new Error(`#${id} is no input`);
  return node;
}

/**
 * @param {string} id
 * @returns {HTMLSelectElement}
 */
export function selectById(id) {
  const node = byId(id);
  if (!(node instanceof HTMLSelectElement)) throw new Error(`#${id} is no select`);
  return node;
}

/**
 * onChoice calls chosen with the value of the radio that was chosen.
 * @param {string} id of what holds the radios
 * @param {(value: string) => void} chosen
 */
export function onChoice(id, chosen) {
  byId(id).addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.checked) chosen(event.target.value);
  });
}

/**
 * choose checks the radio with a value, if there is one.
 * @param {string} id of what holds the radios
 * @param {string} value
 */
export function choose(id, value) {
  for (const input of byId(id).querySelectorAll("input")) input.checked = input.value === value;
}

/**
 * move places a node by its CSS properties in px. The policy of the page forbids
 * style in markup, and allows it so.
 * @param {HTMLElement | SVGElement} node
 * @param {Record<string, number>} box
 */
export function move(node, box) {
  for (const [side, px] of Object.entries(box)) node.style.setProperty(side, `${px}px`);
}

/**
 * unlessSame returns a function that draws only what differs from the last time,
 * so that a list keeps its focus and a reader is not told it twice.
 * @template {unknown[]} A
 * @param {(...values: A) => void} draw
 * @returns {(...values: A) => void}
 */
export function unlessSame(draw) {
  let last = "";
  return (...values) => {
    const text = JSON.stringify(values);
    if (text === last) return;
    last = text;
    draw(...values);
  };
}

/**
 * tell sends an event with a detail to who listens by hear.
 * @param {HTMLElement} from
 * @param {string} name
 * @param {unknown} detail
 */
export const tell = (from, name, detail) => from.dispatchEvent(new CustomEvent(name, { detail }));

/**
 * hear listens to what an element tells.
 * @param {HTMLElement} from
 * @param {string} name
 * @param {(detail: any) => void} listen
 */
export const hear = (from, name, listen) =>
  from.addEventListener(name, (event) => { if (event instanceof CustomEvent) listen(event.detail); });
