// What stands nowhere or contradicts, and the layout to begin with.

import { byId, el, unlessSame } from "./dom.js";
import { linkTo } from "./route.js";
import { count } from "./words.js";

/**
 * @typedef {import("./types.js").Unplaced} Unplaced
 * @typedef {import("./types.js").Conflict} Conflict
 */

const listed = 200;

/**
 * drawNotice says what somebody has to put right about places, and offers a
 * layout where there is none.
 */
export const drawNotice = unlessSame((/** @type {Unplaced[]} */ unplaced, /** @type {Conflict[]} */ conflicts, /** @type {boolean} */ provisional) => {
  const notice = byId("notice");
  const nodes = unplaced.filter((u) => u.sensor === null).length;
  const what = [count(nodes, "node"), count(unplaced.length - nodes, "sensor")].filter(Boolean).join(" and ");
  notice.hidden = unplaced.length + conflicts.length === 0;
  const sentence = provisional && what ? `There is no layout yet: ${what} stand in a provisional grid.` : what && `Not in the layout: ${what}.`;
  const doubt = conflicts.length ? `${count(conflicts.length, "contradiction")} about where Pis stand.` : "";
  notice.replaceChildren(
    el("p", {}, [sentence, doubt].filter(Boolean).join(" ")),
    provisional ? el("a", { href: "/api/v1/layout.yaml", download: "layout.yaml" }, "Download a layout to start from") : el("a", { href: linkTo({ view: "fleet" }) }, "See the fleet"),
    el("details", {}, el("summary", {}, "Which"),
      el("ul", {},
        ...conflicts.slice(0, listed).map((c) => el("li", {}, c.why)),
        ...unplaced.slice(0, listed).map((u) => el("li", {}, el("code", {}, u.sensor ?? u.node), unplacedWords(u))))));
});

/** @param {import("./types.js").Port} p */
const portName = (p) => `port ${p.port ?? p.name} of ${p.switch}`;

/** @param {Unplaced} u */
const unplacedWords = (u) =>
  ` ${u.why}${u.site ? `, site ${u.site}` : ""}${u.sensor ? `, read by ${u.node}` : ""}${u.port ? `, seen on ${portName(u.port)}` : ""}`;
