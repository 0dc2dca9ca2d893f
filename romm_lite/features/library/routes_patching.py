"""Patching files of ROMs."""

from starlette.requests import Request
from starlette.responses import Response

from romm_lite.features.library.patching import PatchForm, plan_patch, send_patched
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.web.table import Work
from romm_lite.wire.common import RowId

router = Router("/api/roms", tags=["roms"])


@router.post(
    "/{id}/patch",
    Scope.ROMS_READ,
    responses={
        400: "The patch is damaged, too large, or for another file",
        404: "No such file",
        415: "No patch of a kind that can be applied",
        429: "Other patches are being applied",
    },
)
async def patch_rom(request: Request, work: Work, id: RowId, form: PatchForm) -> Response:
    """The file ``id`` with a patch applied; the library stays as it is.

    ``X-Patch-Validated`` tells whether checksums in the patch have proved it to be for this file.
    """
    plan = await work(plan_patch, file_id=id, form=form)
    return await send_patched(request, plan)
