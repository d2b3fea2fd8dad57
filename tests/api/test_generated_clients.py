"""What a client generated from the description knows: types, and every code of an error."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient
from support.openapi import Description, to_json_schema

from chabad_auth_django import validators
from chabad_auth_django.api.http import authentication, errors, fields
from chabad_auth_django.api.openapi.errors import CODES, FIELD_CODES
from chabad_auth_django.services.data import events

HERE = Path(__file__).parent / "generated"


@pytest.fixture(scope="module")
def description() -> Description:
    return Description(APIClient().get("/api/schema/").json())


def coded(module: Any, *names: str) -> Iterator[str]:
    """Yield the codes that calls of these names have in a module, by position or by name."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            given = [item.value for item in node.keywords if item.arg == "code"]
            for item in [*given, *node.args]:
                if isinstance(item, ast.Constant) and re.fullmatch("[a-z_]+", str(item.value)):
                    yield str(item.value)


def below(kind: type) -> Iterator[Any]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def test_every_code_of_an_error_is_named() -> None:
    raised = {kind.default_code for kind in (*below(errors.drf.APIException),)}
    ours = {kind.default_code for kind in vars(errors).values() if hasattr(kind, "default_code")}
    assert {*ours, *coded(authentication, "PermissionDenied")} <= CODES.keys()
    # What REST framework has and the API never raises.
    assert raised - CODES.keys() <= {"authentication_failed"}


def test_every_code_of_a_field_is_named() -> None:
    found = {"more"}
    for module in (validators, events, fields):
        found.update(coded(module, "Reason", "ErrorDetail", "ValidationError"))
    for kind in below(fields.StrictSerializer):
        for field in kind().fields.values():
            for part in filter(None, (field, getattr(field, "child", None))):
                found.update([] if part.read_only else part.error_messages)
                found.update(filter(None, (getattr(item, "code", "") for item in part.validators)))
    assert found - set(FIELD_CODES) == set()


def test_every_operation_has_an_example_that_holds(description: Description) -> None:
    for name, operation in description.operations.items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        contents = [content for item in bodies for content in item.get("content", {}).values()]
        count = "example" in json.dumps(operation["parameters"]) if "parameters" in operation else 0
        for content in contents:
            examples = [item["value"] for item in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            schema = {**to_json_schema(content["schema"]), "components": description.components}
            for example in examples:
                Draft202012Validator(schema).validate(example)
                count += 1
        assert count, name


def test_no_component_has_a_name_that_a_project_may_have(description: Description) -> None:
    assert all(name.startswith("Chabad") for name in description.document["components"]["schemas"])


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # Warnings of other packages are theirs.
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm is not installed: no client in TypeScript is compiled"
)
def test_a_client_in_typescript_knows_every_code(description: Description, tmp_path: Path) -> None:
    for path in HERE.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "openapi.json").write_text(json.dumps(description.document))
    quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
    for command in (
        ("npm", "install", *quiet),
        ("node_modules/.bin/openapi-typescript", "openapi.json", "-o", "api.ts"),
    ):
        done = run(*command, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

    def explain(name: str, codes: list[str]) -> str:
        cases = "\n".join(f'    case "{code}": return "{code}";' for code in codes)
        return (
            f'export function {name}(code: components["schemas"]["ChabadErrorCode"]): string {{\n'
            f"  switch (code) {{\n{cases}\n  }}\n}}\n"
        )

    codes = sorted(CODES)
    with (tmp_path / "client.ts").open("a") as client:
        client.write(explain("explain", codes))
        client.write("// @ts-expect-error a code is left out\n" + explain("forget", codes[1:]))
    strict = ("--noEmit", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022")
    options = (*strict, "--module", "esnext", "--moduleResolution", "bundler")
    compiled = run("node_modules/.bin/tsc", *options, "client.ts", folder=tmp_path)
    assert compiled.returncode == 0, compiled.stdout


@pytest.mark.slow
def test_a_client_in_python_has_readable_names(description: Description, tmp_path: Path) -> None:
    pytest.importorskip("openapi_python_client", reason="openapi-python-client is not installed")
    (tmp_path / "openapi.json").write_text(json.dumps(description.document))
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none")
    done = run(*command, "--path", "openapi.json", "--output-path", "client", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # It says what it could not make sense of.
    assert "Unable to parse" not in done.stdout + done.stderr
    names = [path.stem for path in (tmp_path / "client" / "models").iterdir()]
    assert "chabad_error_code" in names and len(names) > 60
    assert [name for name in names if re.search(r"_type_?\d|_\d+$|item_item", name)] == []
    imported = run(sys.executable, "-W", "ignore", "-c", "import client.models", folder=tmp_path)
    assert imported.returncode == 0, imported.stderr
