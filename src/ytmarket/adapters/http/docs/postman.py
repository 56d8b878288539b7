"""The API as a Postman collection that signs its own requests."""

from __future__ import annotations

from typing import Any, Final

from ytmarket.adapters.http import samples
from ytmarket.adapters.http.docs.facts import pretty
from ytmarket.adapters.http.openapi import OPERATIONS, Operation
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.domain.networks import Network

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

# Variables are put into the body first, because what is signed is what is sent.
SIGNING: Final = """\
const secret = pm.variables.get("secret");
if (pm.request.method === "POST" && secret) {
  const body = pm.variables.replaceIn(pm.request.body.raw);
  pm.request.body.update({ mode: "raw", raw: body });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = CryptoJS.HmacSHA256(timestamp + "\\n" + body, secret).toString(CryptoJS.enc.Hex);
  pm.request.headers.upsert({ key: "X-Timestamp", value: timestamp });
  pm.request.headers.upsert({ key: "X-Signature", value: signature });
}
"""
ANSWERED: Final = 'pm.test("is answered with 200", () => pm.response.to.have.status(200));'
# What an answer leaves for the requests after it.
LEARNED: Final = {
    "/products": """\
const product = pm.response.code === 200 && pm.response.json().items[0];
if (product) {
  pm.collectionVariables.set("product_id", product.id);
  pm.collectionVariables.set("quantity", product.min_quantity);
}""",
    "/balance/topup": """\
if (pm.response.code === 200) pm.collectionVariables.set("topup_id", pm.response.json().topup_id);""",
    "/orders": """\
if (pm.response.code === 200 && pm.response.json().order_id)
  pm.collectionVariables.set("order_id", pm.response.json().order_id);""",
}
PATH_VARIABLE: Final = {
    "/products/{id}": "product_id",
    "/balance/topup/{id}": "topup_id",
    "/orders/{id}": "order_id",
}
VARIABLES: Final = {
    "base_url": "http://127.0.0.1:8000/api/v1",
    "api_key": "",
    "secret": "",
    "product_id": "1",
    "quantity": "1",
    "topup_id": "",
    "order_id": "",
    "tx": samples.TX,
}
ORDER: Final = (
    '{\n  "product_id": {{product_id}},\n  "quantity": {{quantity}},\n  "payment_method": "balance"\n}'
)


def collection(version: str, network: Network = Network.TRON) -> dict[str, Any]:
    """Every operation once, in the format 2.1; top-ups are on that network."""
    return {
        "info": {
            "name": "ytmarket",
            "description": "Set base_url, api_key and, if your key has one, secret: POSTs are then signed.",
            "version": version,
            "schema": SCHEMA,
        },
        "auth": {
            "type": "apikey",
            "apikey": [
                {"key": "key", "value": "X-API-Key", "type": "string"},
                {"key": "value", "value": "{{api_key}}", "type": "string"},
                {"key": "in", "value": "header", "type": "string"},
            ],
        },
        "variable": [{"key": name, "value": value, "type": "string"} for name, value in VARIABLES.items()],
        "event": [_script("prerequest", SIGNING)],
        "item": [_item(operation, network) for operation in OPERATIONS],
    }


def _script(moment: str, code: str) -> dict[str, Any]:
    return {"listen": moment, "script": {"type": "text/javascript", "exec": code.splitlines()}}


def _item(operation: Operation, network: Network) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": operation.method.upper(),
        "description": operation.summary,
        "header": [],
        "url": _url(operation),
    }
    learned = LEARNED.get(operation.path, "") if operation.path != "/orders" or operation.body else ""
    if operation.body is not None:
        raw = (
            ORDER if operation.path == "/orders" else pretty(encode(samples.body_of(operation.path, network)))
        )
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return {
        "name": f"{operation.method.upper()} {operation.path}",
        "request": request,
        "response": [],
        "event": [_script("test", f"{ANSWERED}\n{learned}".strip())],
    }


def _url(operation: Operation) -> dict[str, Any]:
    path = operation.path
    if path in PATH_VARIABLE:
        path = path.replace("{id}", f"{{{{{PATH_VARIABLE[path]}}}}}")
    query = [
        {
            "key": parameter["name"],
            "value": "{{tx}}" if parameter["required"] else "",
            "description": parameter["description"],
            "disabled": not parameter["required"],
        }
        for parameter in operation.parameters
        if parameter["in"] == "query"
    ]
    asked = "&".join(f"{row['key']}={row['value']}" for row in query if not row["disabled"])
    return {
        "raw": f"{{{{base_url}}}}{path}{'?' if asked else ''}{asked}",
        "host": ["{{base_url}}"],
        "path": path.strip("/").split("/"),
        "query": query,
    }
