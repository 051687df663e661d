// What part of a large drawing is seen: moved and zoomed by pointer, wheel and
// keys.

const most = 6; // px a unit
const largest = 1.5; // of those, when all is seen
const rim = 4; // px around all of it
const step = 1.35; // of one key

/** A Sight calls changed whenever what is seen did. */
export class Sight {
  #host;
  #changed;
  #whole = { width: 1, height: 1, whole: false };
  #fitted = true;
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();
  #moved = 0; // px since the first pointer went down

  /**
   * @param {HTMLElement} host shows the drawing
   * @param {() => void} changed
   */
  constructor(host, changed) {
    this.#host = host;
    this.#changed = changed;
    this.x = 0; // of the drawing, at the host's left edge
    this.y = 0;
    this.zoom = 1; // px a unit
    host.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
    host.addEventListener("pointerdown", (e) => this.#down(e));
    host.addEventListener("pointermove", (e) => this.#move(e));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      host.addEventListener(end, (e) => { this.#pointers.delete(e.pointerId); });
    }
    // What was moved was not clicked.
    host.addEventListener("click", (e) => { if (this.#moved > 5) { e.preventDefault(); e.stopPropagation(); } }, true);
    host.addEventListener("dragstart", (e) => e.preventDefault());
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.#hold())).observe(host);
  }

  /**
   * of says how large the drawing is, in units, and whether the host is as high as
   * that takes: otherwise it is as high as the window has room for. All of it is seen.
   * @param {{width: number, height: number, whole: boolean}} drawing
   */
  of(drawing) {
    this.#whole = drawing;
    this.fit();
  }

  #size() {
    const { width, height, whole } = this.#whole;
    const wanted = height * Math.min((this.#host.clientWidth - rim) / width, largest) + rim;
    this.#host.style.setProperty("height", `${whole ? wanted : Math.min(wanted, Math.max(320, innerHeight - 260))}px`);
  }

  get #least() {
    return Math.max(Math.min((this.#host.clientWidth - rim) / this.#whole.width, (this.#host.clientHeight - rim) / this.#whole.height, largest), 0.01);
  }

  /** fit shows all. */
  fit() {
    this.#size();
    this.zoom = this.#least;
    this.#fitted = true;
    this.#hold();
  }

  /**
   * hold keeps the drawing in sight: in the middle where it is smaller.
   */
  #hold() {
    this.zoom = Math.min(Math.max(this.zoom, this.#least), most);
    const wide = this.#host.clientWidth / this.zoom;
    const high = this.#host.clientHeight / this.zoom;
    const { width, height } = this.#whole;
    this.x = wide >= width ? (width - wide) / 2 : Math.min(Math.max(this.x, 0), width - wide);
    this.y = high >= height ? (height - high) / 2 : Math.min(Math.max(this.y, 0), height - high);
    // A finger scrolls the page as long as there is nothing to move.
    this.#host.style.setProperty("touch-action", this.zoom > this.#least ? "none" : "pan-y");
    this.#changed();
  }

  /**
   * by moves what is seen by so many px.
   * @param {number} dx
   * @param {number} dy
   */
  by(dx, dy) {
    this.x -= dx / this.zoom;
    this.y -= dy / this.zoom;
    this.#hold();
  }

  /**
   * nearer zooms about a place of the host, by default its middle.
   * @param {number} factor above 1 is nearer
   * @param {{x: number, y: number}} [at] px
   */
  nearer(factor, at = { x: this.#host.clientWidth / 2, y: this.#host.clientHeight / 2 }) {
    const zoom = Math.min(Math.max(this.zoom * factor, this.#least), most);
    this.x += at.x / this.zoom - at.x / zoom;
    this.y += at.y / this.zoom - at.y / zoom;
    this.zoom = zoom;
    this.#fitted = zoom === this.#least;
    this.#hold();
  }

  /**
   * into brings a box into sight.
   * @param {import("./tile.js").Box} box
   */
  into([x, y, w, h]) {
    const wide = this.#host.clientWidth / this.zoom;
    const high = this.#host.clientHeight / this.zoom;
    this.x = Math.min(Math.max(this.x, x + w - wide), x);
    this.y = Math.min(Math.max(this.y, y + h - high), y);
    this.#hold();
  }

  /**
   * key zooms by a key, and tells whether it was one for that.
   * @param {string} key
   * @param {import("./tile.js").Box} [about] in units; by default the middle of what is seen
   */
  key(key, about) {
    const at = about && { x: (about[0] + about[2] / 2 - this.x) * this.zoom, y: (about[1] + about[3] / 2 - this.y) * this.zoom };
    if (key === "+" || key === "=") this.nearer(step, at);
    else if (key === "-") this.nearer(1 / step, at);
    else if (key === "0") this.fit();
    else return false;
    return true;
  }

  /**
   * at is where a pointer is on the host.
   * @param {MouseEvent} e
   */
  #at(e) {
    const box = this.#host.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  /**
   * wheel zooms while Ctrl is held, as a pinch of two fingers on a pad does, and
   * moves otherwise. Where there is no farther to go, the page scrolls on.
   * @param {WheelEvent} e
   */
  #wheel(e) {
    const lines = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const { x, y } = this;
    if (e.ctrlKey || e.metaKey) {
      e.preventDefault();
      this.nearer(Math.exp(-Math.max(-120, Math.min(120, e.deltaY * lines)) / 200), this.#at(e));
      return;
    }
    this.by(-e.deltaX * lines, -e.deltaY * lines);
    if (x !== this.x || y !== this.y) e.preventDefault();
  }

  /** @param {PointerEvent} e */
  #down(e) {
    if (e.button !== 0) return;
    if (this.#pointers.size === 0) this.#moved = 0;
    this.#pointers.set(e.pointerId, this.#at(e));
  }

  /** @param {PointerEvent} e */
  #move(e) {
    const was = this.#pointers.get(e.pointerId);
    if (!was) return;
    const now = this.#at(e);
    const [other] = [...this.#pointers].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
    this.#pointers.set(e.pointerId, now);
    this.#moved += Math.hypot(now.x - was.x, now.y - was.y);
    // Captured only when it moves: a click must reach the link below.
    if (this.#moved > 5 && !this.#host.hasPointerCapture(e.pointerId)) this.#host.setPointerCapture(e.pointerId);
    if (!other) return this.by(now.x - was.x, now.y - was.y);
    const apart = Math.hypot(was.x - other.x, was.y - other.y);
    if (apart > 0) this.nearer(Math.hypot(now.x - other.x, now.y - other.y) / apart, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }
}
