"""Screenshots of whoever asks."""

from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import render_asset
from romm_lite.features.saves import screenshots
from romm_lite.features.saves.store import Store
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.assets import SCREENSHOTS
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.screenshots import (
    ScreenshotDeletePayload,
    ScreenshotListQuery,
    ScreenshotSchema,
    ScreenshotUploadQuery,
    ScreenshotVisibilityPayload,
)

router = Router("/api/screenshots", tags=["screenshots"])
UNKNOWN = {404: "No such screenshot"}


class ScreenshotForm(BaseModel):
    """A picture."""

    screenshotFile: Upload  # noqa: N815


@router.post(
    "",
    Scope.ASSETS_WRITE,
    heavy=True,
    responses={400: "It is no picture, or its name cannot be", 404: "No such ROM"}
    | {413: "The file is too large", 507: "There is no room for it"},
)
def add_screenshot(
    store: Store, user: Identity, query: ScreenshotUploadQuery, form: ScreenshotForm
) -> ScreenshotSchema:
    """Keep a picture in the gallery of a ROM, for oneself until it is made public."""
    shot_id = screenshots.upload_screenshot(store, user, query.rom_id, form.screenshotFile)
    with store.database.read() as session:
        return ScreenshotSchema(**screenshots.describe_screenshot(session, user, shot_id))


@router.get("", Scope.ASSETS_READ)
def get_screenshots(
    db: Session, user: Identity, query: ScreenshotListQuery
) -> list[ScreenshotSchema]:
    """Own screenshots."""
    rows = screenshots.list_assets(db, SCREENSHOTS, user, query.rom_id, query.platform_id)
    return [ScreenshotSchema(**render_asset(SCREENSHOTS, row)) for row in rows]


@router.get("/identifiers", Scope.ASSETS_READ)
def get_screenshot_ids(db: Session, user: Identity) -> list[int]:
    """The ids of own screenshots."""
    return screenshots.list_ids(db, SCREENSHOTS, user)


@router.post("/delete", Scope.ASSETS_WRITE, responses=UNKNOWN | {400: "No screenshot is named"})
def delete_screenshots(
    db: Session, store: Store, user: Identity, body: ScreenshotDeletePayload
) -> list[int]:
    """Delete screenshots, all or none."""
    screenshots.delete_screenshots(store, db, user, body.screenshots)
    return body.screenshots


@router.get("/{id}", Scope.ASSETS_READ, responses=UNKNOWN)
def get_screenshot(db: Session, user: Identity, id: Key) -> ScreenshotSchema:
    """One own screenshot."""
    return ScreenshotSchema(**screenshots.describe_screenshot(db, user, id))


@router.put("/{id}", Scope.ASSETS_WRITE, responses=UNKNOWN)
def update_screenshot(
    db: Session, user: Identity, id: Key, body: ScreenshotVisibilityPayload
) -> ScreenshotSchema:
    """Show a screenshot to all who see its ROM, or to nobody else."""
    screenshots.change_visibility(db, SCREENSHOTS, user, id, is_public=body.is_public)
    return ScreenshotSchema(**screenshots.describe_screenshot(db, user, id))


@router.delete("/{id}", Scope.ASSETS_WRITE, responses=UNKNOWN)
def delete_screenshot(db: Session, store: Store, user: Identity, id: Key) -> Response:
    """Delete a screenshot; the answer is empty."""
    screenshots.delete_screenshots(store, db, user, [id])
    return Response()


@router.head("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN)
@router.get("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN)
def get_screenshot_content(store: Store, user: Identity, id: Key) -> Response:
    """An own picture or a public one."""
    return screenshots.send_asset(store, SCREENSHOTS, user, id)
