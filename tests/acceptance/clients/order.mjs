// Buys the first product from one USDT up, and waits for it: a client in JavaScript with axios.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import axios from "axios";

const { SHOP, KEY, PAUSE_SECONDS = "5" } = process.env;
const shop = axios.create({ baseURL: SHOP, headers: { "X-API-Key": KEY }, timeout: 10_000 });

const { data: products } = await shop.get("/products", { params: { min_price: 1, page_size: 5 } });
const [product] = products.items;
console.log(`${product.title} costs ${product.price_usdt} USDT`);
console.log("I have", (await shop.get("/balance")).data.balance_usdt, "USDT");

// With an Idempotency-Key a request can be sent again after a time-out, and is one order all the same.
const wanted = { product_id: product.id, quantity: product.min_quantity, payment_method: "balance" };
let { data: order } = await shop.post("/orders", wanted, { headers: { "Idempotency-Key": randomUUID() } });
while (order.status === "processing") {
  await sleep(Number(PAUSE_SECONDS) * 1000);
  order = (await shop.get(`/orders/${order.order_id}`)).data;
}
console.log(JSON.stringify(order));
