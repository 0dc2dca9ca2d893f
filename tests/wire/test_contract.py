"""Every model against the schema of its name in the recorded contract, and every query model
against the parameters of its operation."""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from typing_extensions import is_typeddict

from romm_lite import wire
from romm_lite.wire.collections import VirtualCollectionListQuery
from romm_lite.wire.common import Schema, UpdatedAfterQuery
from romm_lite.wire.firmware import FirmwareListQuery
from romm_lite.wire.roms import (
    RomContentQuery,
    RomDownloadQuery,
    RomHashQuery,
    RomListQuery,
    RomProviderQuery,
    RomSelection,
)
from romm_lite.wire.saves import (
    SaveContentQuery,
    SaveDeviceQuery,
    SaveListQuery,
    SaveSummaryQuery,
    SaveUploadQuery,
)
from romm_lite.wire.states import StateListQuery
from romm_lite.wire.stats import StatsQuery
from romm_lite.wire.users import InviteLinkQuery

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "contract" / "romm-api.json"
if not RECORDED.is_file():
    pytest.skip("the recorded RomM contract is not beside this checkout", allow_module_level=True)

CONTRACT: dict[str, Any] = json.loads(RECORDED.read_bytes())
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]

AGE_RULE = {"max_age", "hide_unrated", "age_exceptions"}
OURS_ALONE = {
    "HeartbeatResponse": {"ROMM_LITE"},
    **{
        f"{kind}TaskStatusResponse": {"message", "interrupted"}
        for kind in ("Scan", "Conversion", "Update", "Cleanup", "Sync", "Watcher", "Generic")
    },
    "ClientTokenPairSchema": {"address", "link"},
    "PermissionGroupSchema": AGE_RULE,
    "PermissionGroupCreate": AGE_RULE,
    "PermissionGroupUpdate": AGE_RULE,
    "UserPermissionsSchema": AGE_RULE,
    "UserPermissionsUpdate": AGE_RULE,
}
SERVED = [
    "GET /api/heartbeat",
    "GET /api/setup/library",
    "POST /api/setup/platforms",
    "GET /api/config",
    "GET /api/stats",
    "GET /api/platforms",
    "GET /api/platforms/identifiers",
    "GET /api/platforms/supported",
    "GET /api/platforms/filesystem",
    "GET /api/platforms/{id}",
    "GET /api/roms",
    "GET /api/roms/identifiers",
    "GET /api/roms/random",
    "GET /api/roms/filters",
    "GET /api/roms/by-hash",
    "GET /api/roms/by-metadata-provider",
    "GET /api/roms/{id}",
    "GET /api/roms/{id}/simple",
    "GET /api/roms/{id}/content/{file_name}",
    "GET /api/roms/{id}/files",
    "GET /api/roms/download",
    "GET /api/firmware",
    "GET /api/firmware/{id}",
    "GET /api/users",
    "POST /api/users",
    "GET /api/users/me",
    "POST /api/users/invite-link",
    "POST /api/users/register",
    "POST /api/forgot-password",
    "POST /api/reset-password",
    "DELETE /api/users/{id}",
    "GET /api/users/{id}/avatar",
    "POST /api/users/{id}/ra/refresh",
    "POST /api/token",
    "POST /api/login",
    "POST /api/logout",
    "GET /api/collections",
    "GET /api/collections/smart",
    "GET /api/collections/virtual",
    "GET /api/permissions/me",
    "GET /api/permissions/catalog",
    "GET /api/permissions/groups",
    "POST /api/permissions/groups",
    "PUT /api/permissions/groups/{id}",
    "DELETE /api/permissions/groups/{id}",
    "GET /api/permissions/users/{user_id}",
    "PUT /api/permissions/users/{user_id}",
    "POST /api/permissions/hidden",
    "DELETE /api/permissions/hidden",
    "GET /api/tasks/status",
    "GET /api/streaming/config",
    "GET /api/devices",
    "POST /api/devices",
    "GET /api/devices/{device_id}",
    "PUT /api/devices/{device_id}",
    "DELETE /api/devices/{device_id}",
    "POST /api/client-tokens",
    "GET /api/client-tokens",
    "GET /api/client-tokens/all",
    "POST /api/client-tokens/exchange",
    "PUT /api/client-tokens/{token_id}/regenerate",
    "POST /api/client-tokens/{token_id}/pair",
    "POST /api/auth/device/init",
    "GET /api/auth/device/pending/{user_code}",
    "POST /api/auth/device/approve",
    "POST /api/auth/device/deny",
    "POST /api/auth/device/token",
    "GET /api/saves",
    "GET /api/saves/summary",
    "GET /api/saves/{id}",
    "GET /api/saves/{id}/content",
    "GET /api/states",
]
QUERIES: dict[str, type[BaseModel]] = {
    "GET /api/platforms": UpdatedAfterQuery,
    "GET /api/stats": StatsQuery,
    "GET /api/roms": RomListQuery,
    "GET /api/roms/random": RomSelection,
    "GET /api/roms/by-hash": RomHashQuery,
    "GET /api/roms/by-metadata-provider": RomProviderQuery,
    "GET /api/roms/{id}/content/{file_name}": RomContentQuery,
    "GET /api/roms/download": RomDownloadQuery,
    "GET /api/firmware": FirmwareListQuery,
    "POST /api/users/invite-link": InviteLinkQuery,
    "GET /api/collections": UpdatedAfterQuery,
    "GET /api/collections/smart": UpdatedAfterQuery,
    "GET /api/collections/virtual": VirtualCollectionListQuery,
    "GET /api/saves": SaveListQuery,
    "POST /api/saves": SaveUploadQuery,
    "GET /api/saves/summary": SaveSummaryQuery,
    "GET /api/saves/{id}": SaveDeviceQuery,
    "GET /api/saves/{id}/content": SaveContentQuery,
    "GET /api/states": StateListQuery,
}


def name_of(model: type) -> str:
    """The name a model has in the contract."""
    config = getattr(model, "model_config", {})
    return str(config.get("title") or re.sub(r"[^\w.-]", "_", model.__name__))


def find_models() -> Iterator[type]:
    """Every class of the package the contract has a schema for."""
    for module in pkgutil.iter_modules(wire.__path__):
        found = vars(importlib.import_module(f"{wire.__name__}.{module.name}")).values()
        for value in filter(inspect.isclass, found):
            is_model = issubclass(value, BaseModel | Enum) or is_typeddict(value)
            if is_model and name_of(value) in SCHEMAS:
                yield value


MODELS = {name_of(model): model for model in find_models()}


def operation(label: str) -> dict[str, Any]:
    method, path = label.split()
    found: dict[str, Any] = CONTRACT["paths"][path][method.lower()]
    return found


def describe(schema: dict[str, Any]) -> Any:
    """What a schema allows, without titles and descriptions, in a form that can be compared."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return {"any of": sorted((describe(each) for each in variants), key=repr)}
    allowed: dict[str, Any] = {
        key: schema[key] for key in ("type", "format", "uniqueItems") if key in schema
    }
    if "const" in schema or "enum" in schema:
        allowed["enum"] = schema.get("enum", [schema.get("const")])
    if "items" in schema:
        allowed["items"] = describe(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        allowed["values"] = describe(schema["additionalProperties"])
    return allowed


def describe_field(schema: dict[str, Any]) -> Any:
    """A property or parameter: what it allows, its default if it is not null, who may write it."""
    return describe(schema), schema.get("default"), schema.get("readOnly", False)


def bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """The smallest and largest number a schema allows, as far as it says."""
    numbers = [each for each in schema.get("anyOf", [schema]) if each.get("type") == "integer"]
    return {key: n[key] for n in numbers for key in ("minimum", "maximum") if key in n}


def schema_of(model: type) -> dict[str, Any]:
    is_sent = not issubclass(model, BaseModel) or issubclass(model, Schema)
    return TypeAdapter(model).json_schema(mode="serialization" if is_sent else "validation")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_model_has_the_fields_of_its_contract_schema(name: str) -> None:
    ours, theirs = schema_of(MODELS[name]), SCHEMAS[name]

    mine = {key: describe_field(value) for key, value in ours.get("properties", {}).items()}
    wanted = {key: describe_field(value) for key, value in theirs.get("properties", {}).items()}
    extra = OURS_ALONE.get(name, set())
    assert {key: value for key, value in mine.items() if key not in extra} == wanted
    assert set(ours.get("required", ())) - extra == set(theirs.get("required", ()))
    assert set(ours.get("enum", ())) == set(theirs.get("enum", ()))


def refs(schema: Any) -> set[str]:
    """Names a piece of the contract points at, however deep."""
    if isinstance(schema, list):
        return {name for each in schema for name in refs(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if "$ref" in schema else set()
    return own | {name for each in schema.values() for name in refs(each)}


@pytest.mark.parametrize("label", SERVED)
def test_operation_needs_no_schema_that_is_not_modelled(label: str) -> None:
    wanted = operation(label)
    answers = [each for code, each in wanted["responses"].items() if code.startswith("2")]
    waiting = refs([wanted.get("requestBody"), answers])
    needed: set[str] = set()
    while waiting:
        needed |= waiting
        waiting = {deeper for name in waiting for deeper in refs(SCHEMAS[name])} - needed
    assert needed <= set(MODELS)


@pytest.mark.parametrize("label", sorted(QUERIES))
def test_query_has_the_parameters_of_its_operation(label: str) -> None:
    parameters = [each for each in operation(label)["parameters"] if each["in"] == "query"]
    ours = schema_of(QUERIES[label])
    properties = ours["properties"]

    for parameter in parameters:
        name, theirs = parameter["name"], parameter["schema"]
        assert describe_field(properties[name]) == describe_field(theirs), name
        assert bounds(theirs).items() <= bounds(properties[name]).items(), name
    required = {each["name"] for each in parameters if each["required"]}
    assert set(ours.get("required", ())) == required


def test_rom_list_takes_the_49_parameters_and_one_old_name() -> None:
    theirs = {each["name"] for each in operation("GET /api/roms")["parameters"]}

    assert len(theirs) == 49
    assert set(RomListQuery.model_fields) == theirs | {"platform_id"}
