#!/usr/bin/env bash
# Buys one unit with a key that signs, and waits for it: a client of curl and openssl.
set -euo pipefail

get() { curl -fsS -H "X-API-Key: $KEY" "$SHOP$1"; }

post() { # post PATH BODY: signed over the very bytes that are sent
    local timestamp signature
    timestamp=$(date +%s)
    signature=$(printf '%s\n%s' "$timestamp" "$2" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')
    curl -fsS -X POST -H "X-API-Key: $KEY" -H "Content-Type: application/json" \
        -H "X-Timestamp: $timestamp" -H "X-Signature: $signature" -d "$2" "$SHOP$1"
}

get "/products?min_price=1&page_size=5" >/dev/null
get /balance >/dev/null
order=$(post /orders "{\"product_id\": $PRODUCT, \"quantity\": 1, \"payment_method\": \"balance\"}")
number=$(sed 's/.*"order_id":\([0-9]*\).*/\1/' <<<"$order")
while [[ $order == *'"status":"processing"'* ]]; do
    sleep "$PAUSE_SECONDS"
    order=$(get "/orders/$number")
done
printf '%s\n' "$order"
