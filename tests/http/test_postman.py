"""The Postman collection: every operation once, with what it needs to be sent."""

import json
import re
from typing import Any

from ytmarket.adapters.http.docs.postman import collection
from ytmarket.adapters.http.openapi import OPERATIONS

COLLECTION = collection("1.2.3")
ITEMS: list[dict[str, Any]] = COLLECTION["item"]


def test_every_operation_is_there_once() -> None:
    assert [item["name"] for item in ITEMS] == [f"{o.method.upper()} {o.path}" for o in OPERATIONS]
    assert COLLECTION["info"]["schema"].endswith("/v2.1.0/collection.json")


def test_every_variable_that_is_used_is_declared() -> None:
    declared = {variable["key"] for variable in COLLECTION["variable"]}
    used = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(COLLECTION)))
    assert used == declared - {"secret"}  # which the script alone reads
    assert 'pm.variables.get("secret")' in json.dumps(COLLECTION["event"]).replace('\\"', '"')


def test_bodies_are_json_once_the_variables_are_put_in() -> None:
    for item, operation in zip(ITEMS, OPERATIONS, strict=True):
        assert ("body" in item["request"]) == (operation.body is not None)
        if operation.body is not None:
            raw = item["request"]["body"]["raw"].replace("{{product_id}}", "1").replace("{{quantity}}", "2")
            assert set(json.loads(raw)) <= set(operation.body.__struct_fields__)


def test_each_query_parameter_is_offered_and_only_required_ones_are_sent() -> None:
    for item, operation in zip(ITEMS, OPERATIONS, strict=True):
        wanted = {p["name"]: p["required"] for p in operation.parameters if p["in"] == "query"}
        offered = item["request"]["url"]["query"]
        assert {row["key"]: not row["disabled"] for row in offered} == wanted


def test_nothing_secret_is_in_it() -> None:
    values = {variable["key"]: variable["value"] for variable in COLLECTION["variable"]}
    assert values["api_key"] == values["secret"] == ""
