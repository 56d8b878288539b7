// The page works without this. With it: this server's own address in the examples, copy buttons, and the playground.

const ROOT = new URL("..", location.href); // the page is at api/docs, wherever the app is mounted
const PLACEHOLDER = "https://shop.example/";
const find = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function say(text) {
  find("announcer").textContent = text;
}

// ---- Reading -----------------------------------------------------------------------------------------------

function nameThisServer() {
  const walker = document.createTreeWalker(find("content"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data.includes(PLACEHOLDER)) node.data = node.data.replaceAll(PLACEHOLDER, ROOT.href);
  }
}

function addCopyButtons() {
  for (const box of document.querySelectorAll(".code")) {
    const text = box.querySelector("pre");
    const button = element("button", { type: "button", className: "copy" }, "Copy");
    button.setAttribute("aria-label", `Copy: ${text.getAttribute("aria-label")}`);
    button.addEventListener("click", async () => {
      const done = await copy(text);
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      say(done ? "Copied" : "Selected: press Ctrl+C");
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    box.append(button);
  }
}

async function copy(box) {
  try {
    await navigator.clipboard.writeText(box.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(box);
    return false;
  }
}

function markContents() {
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const ids = [...links.keys()];
  let asked = false;
  const mark = () => {
    asked = false;
    const atTheEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2; // the last parts are short
    const begun = ids.filter((id) => find(id).getBoundingClientRect().top <= innerHeight / 4);
    const current = atTheEnd ? ids.at(-1) : begun.at(-1) ?? ids[0];
    for (const [id, link] of links) {
      if (id === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", () => {
    if (!asked) requestAnimationFrame(mark);
    asked = true;
  }, { passive: true });
  mark();
}

// ---- Forms from the OpenAPI document -----------------------------------------------------------------------

const START = { min_qty: "10", max_price: "2", tx: "" };
const forms = new Map(); // operationId -> form

function field(id, name, input, note) {
  input.id = id;
  input.addEventListener("input", () => { input.dataset.touched = "yes"; });
  if (note) input.title = note;
  return element("div", { className: input.tagName === "TEXTAREA" ? "field wide" : "field" },
    element("label", { htmlFor: id }, name), input);
}

function inputFor(parameter) {
  const { type, default: usual } = parameter.schema;
  const input = element("input", { type: "text", autocomplete: "off", spellcheck: false });
  if (type === "integer") input.inputMode = "numeric";
  if (usual !== undefined) input.placeholder = String(usual);
  if (parameter.required) input.required = true;
  if (parameter.in === "path" && type === "integer") input.value = "1";
  input.dataset.place = parameter.in;
  input.dataset.name = parameter.name;
  return input;
}

function formFor(path, method, operation) {
  const id = operation.operationId;
  const fields = element("div", { className: "fields" });
  const extras = element("div", { className: "fields" });
  for (const parameter of operation.parameters) {
    const input = inputFor(parameter);
    const made = field(`${id}-${parameter.name}`, parameter.name, input, parameter.description);
    (parameter.required ? fields : extras).append(made);
    if (id === "getProducts") input.value = START[parameter.name] ?? "";
  }
  const body = operation.requestBody?.content["application/json"].example;
  if (body) {
    const area = element("textarea", { rows: 5, spellcheck: false, value: JSON.stringify(body, null, 2) });
    area.dataset.place = "body";
    fields.append(field(`${id}-body`, "Body", area, "Sent, and signed, exactly as it stands here"));
  }
  const button = element("button", { type: "submit" },
    element("span", { className: `method ${method}` }, method.toUpperCase()), ` ${path.replace("/api/v1", "")}`);
  const form = element("form", { id: `try-${id}`, className: "request", noValidate: true },
    element("p", { className: "what" }, operation.summary));
  form.setAttribute("aria-label", `${method.toUpperCase()} ${path}`);
  if (fields.children.length) form.append(fields);
  if (extras.children.length) {
    const more = element("details", {}, element("summary", {}, "Parameters"), extras);
    more.open = id === "getProducts";
    form.append(more);
  }
  form.append(button);
  form.dataset.method = method.toUpperCase();
  form.dataset.path = path.slice(1);
  form.dataset.operation = id;
  return form;
}

async function buildForms() {
  const told = await (await fetch(new URL("api/openapi.json", ROOT))).json();
  const list = find("requests");
  for (const [path, methods] of Object.entries(told.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const form = formFor(path, method, operation);
      forms.set(operation.operationId, form);
      list.append(form);
    }
  }
  const devnet = find("devnet");
  if (devnet) forms.get("postBalanceTopup").after(devnet); // where the quick start needs it
  for (const form of list.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
  for (const hidden of document.querySelectorAll(".credentials, .bench")) hidden.hidden = false;
  if (location.hash.startsWith("#try-")) find(location.hash.slice(1))?.scrollIntoView();
}

// ---- Sending -----------------------------------------------------------------------------------------------

let lastStamp = 0;

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sign(secret, body) {
  if (!globalThis.crypto?.subtle) {
    throw new Error("This browser signs only on https and on localhost. Open the page there.");
  }
  // A signature is good once, so the same body a moment later gets the next second.
  lastStamp = Math.max(Math.floor(Date.now() / 1000), lastStamp + 1);
  const text = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", text.encode(secret), algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, text.encode(`${lastStamp}\n${body}`));
  return { "X-Timestamp": String(lastStamp), "X-Signature": hex(signature) };
}

function requestOf(form) {
  const headers = {};
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("[data-place]")) {
    const value = input.value.trim();
    if (input.dataset.place === "path") path = path.replace(`{${input.dataset.name}}`, encodeURIComponent(value));
    else if (input.dataset.place === "query" && value) query.set(input.dataset.name, value);
    else if (input.dataset.place === "header" && value) headers[input.dataset.name] = value;
  }
  const url = new URL(path, ROOT);
  url.search = query;
  const members = [...form.querySelectorAll("[data-member]")].map((input) => [input.dataset.member, input.value]);
  const body = members.length
    ? JSON.stringify(Object.fromEntries(members))
    : form.querySelector("textarea")?.value;
  return { method: form.dataset.method, url, headers, body };
}

async function send(form) {
  const button = form.querySelector("button");
  const isClients = form.dataset.path.startsWith("api/v1");
  const key = isClients ? find("key").value.trim() : "";
  const secret = isClients ? find("secret").value.trim() : "";
  const request = requestOf(form);
  button.disabled = true;
  try {
    if (key) request.headers["X-API-Key"] = key;
    if (request.body !== undefined) request.headers["Content-Type"] = "application/json";
    const signs = request.method === "POST" && secret !== "";
    if (signs) Object.assign(request.headers, await sign(secret, request.body));
    const begun = performance.now();
    const answer = await fetch(request.url, {
      method: request.method, headers: request.headers, body: request.body,
      cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", redirect: "error",
    });
    const text = await answer.text();
    show(form, answer, text, performance.now() - begun, curlOf(request, signs));
  } catch (trouble) {
    showTrouble(form, trouble);
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }
}

// ---- Showing -----------------------------------------------------------------------------------------------

const narrow = matchMedia("(max-width: 60rem)");

function place(form) {
  const result = find("result");
  if (narrow.matches) form.after(result);
  else document.querySelector(".bench").append(result);
  result.scrollIntoView({ block: "nearest" });
}

function show(form, answer, text, milliseconds, curl) {
  const json = parsed(text);
  const status = element("span", { className: answer.ok ? "ok" : "refused" }, `${answer.status} ${answer.statusText}`);
  find("result-line").replaceChildren(status, ` in ${Math.round(milliseconds)} ms`);
  find("result-headers").replaceChildren(...["X-Request-Id", "RateLimit", "Retry-After", "Idempotent-Replayed"]
    .filter((name) => answer.headers.has(name))
    .flatMap((name) => [element("dt", {}, name), element("dd", {}, answer.headers.get(name))]));
  find("result-help").replaceChildren(...helpFor(json));
  find("result-body").textContent = json === undefined ? text : pretty(text);
  find("result-curl").textContent = curl;
  find("result-more").hidden = false;
  place(form);
  if (answer.ok && json !== undefined) learn(form.dataset.operation ?? form.id, json);
}

function showTrouble(form, trouble) {
  const told = trouble instanceof TypeError ? `The request could not be sent: ${trouble.message}` : trouble.message;
  find("result-line").replaceChildren(element("span", { className: "refused" }, told));
  find("result-more").hidden = true;
  place(form);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function helpFor(json) {
  const code = json?.code;
  if (typeof code !== "string" || !find(code)) return [];
  return [json.detail, ". ", element("a", { href: `#${code}` }, `What ${code} means`)];
}

// Numbers stay as they were written: 100.0 must not become 100.
function pretty(text) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+|\s+/g, (token, at) => {
    if (/^\s/.test(token)) return "";
    if (token === "{" || token === "[") {
      if (/^\s*[}\]]/.test(text.slice(at + 1))) return token;
      depth += 1;
      return token + line();
    }
    if (token === "}" || token === "]") {
      if (/[{[]\s*$/.test(text.slice(0, at))) return token;
      depth -= 1;
      return line() + token;
    }
    if (token === ",") return `,${line()}`;
    return token === ":" ? ": " : token;
  });
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curlOf({ method, url, headers, body }, signs) {
  const lines = [];
  if (headers["X-API-Key"]) lines.push("KEY=...  # your key");
  if (signs) lines.push("SECRET=...  # your secret");
  if (body !== undefined) lines.push(`BODY=${quoted(body)}`);
  if (signs) {
    lines.push("STAMP=$(date +%s)");
    lines.push(`SIGNATURE=$(printf '%s\\n%s' "$STAMP" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d ' ' -f 1)`);
  }
  const known = { "X-API-Key": '"X-API-Key: $KEY"', "X-Timestamp": '"X-Timestamp: $STAMP"', "X-Signature": '"X-Signature: $SIGNATURE"' };
  const told = Object.entries(headers).map(([name, value]) => `-H ${known[name] ?? quoted(`${name}: ${value}`)}`);
  const parts = [`curl -sS -X ${method} ${quoted(url.href)}`, ...told];
  if (body !== undefined) parts.push('--data-raw "$BODY"'); // reads no file where the body begins with @
  return `${[...lines, parts.join(" \\\n  ")].join("\n")}\n`;
}

// ---- What one answer gives to the next request -------------------------------------------------------------

function fill(id, value) {
  const input = find(id);
  if (input && !input.dataset.touched && value !== undefined) input.value = String(value);
}

function fillBody(id, changes) {
  const area = find(`${id}-body`);
  if (!area || area.dataset.touched) return;
  area.value = JSON.stringify({ ...JSON.parse(area.value), ...changes }, null, 2);
}

function learn(operation, json) {
  const product = operation === "getProducts" ? json.items[0] : undefined;
  if (product) {
    fill("getProductsOne-id", product.id);
    fillBody("postOrders", { product_id: product.id, quantity: product.min_quantity });
  }
  if (operation === "postBalanceTopup") {
    fill("getBalanceTopupOne-id", json.topup_id);
    fill("transfer-network", json.payment_network);
    fill("transfer-amount", json.amount_usdt);
  }
  if (operation === "postOrders") fill("getOrdersOne-id", json.order_id);
  if (operation === "try-devnet-transfer") fill("getDeposits-tx", json.tx_hash);
}

function forget() {
  for (const id of ["key", "secret"]) find(id).value = "";
}

nameThisServer();
addCopyButtons();
markContents();
forget();
addEventListener("pagehide", forget);
buildForms().catch(() => {
  const told = "The playground could not be set up: the OpenAPI document did not load. Reload the page.";
  document.querySelector(".credentials").before(element("p", { className: "note" }, told));
  say(told);
});
