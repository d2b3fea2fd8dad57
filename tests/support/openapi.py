"""Holding answers of the API against its OpenAPI description."""

import json
import re
from typing import Any

from jsonschema import Draft202012Validator


class Description:
    """An OpenAPI 3.0 document; ``seen`` are the operations and statuses that were checked."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.components = {"schemas": to_json_schema(document["components"]["schemas"])}
        self.seen: set[tuple[str, int]] = set()

    @property
    def operations(self) -> dict[str, dict[str, Any]]:
        """Each operation by its id."""
        paths = self.document["paths"].values()
        return {item["operationId"]: item for path in paths for item in path.values()}

    def check(self, response: Any) -> None:
        """Fail unless the answer is described: its status, its headers, and all of its body."""
        request = response.wsgi_request
        path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", request.resolver_match.route)
        operation = self.document["paths"][path][request.method.lower()]
        self.seen.add((operation["operationId"], response.status_code))
        described = operation["responses"][str(response.status_code)]
        for name, header in described.get("headers", {}).items():
            assert name in response or not header.get("required"), name
        if "content" not in described:
            assert response.content == b""
            return
        schema = described["content"][response["Content-Type"]]["schema"]
        closed = {**to_json_schema(schema), "components": self.components}
        Draft202012Validator(closed).validate(json.loads(response.getvalue()))


def to_json_schema(node: Any) -> Any:
    """Return what OpenAPI 3.0 means in JSON Schema, where objects have no other members."""
    if isinstance(node, list):
        return [to_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: to_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("type") == "object" and "properties" in node:
        schema.setdefault("additionalProperties", False)
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") is True else schema
