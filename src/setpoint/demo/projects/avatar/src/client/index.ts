/** Starts the page in a browser. */

import { show } from "./page.ts";

const root = document.querySelector("main");
if (root) void show(root, (...asked) => fetch(...asked));
