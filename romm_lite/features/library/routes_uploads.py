"""Uploads in chunks: announced, sent in any order, completed or cancelled.

The paths of RomM's older versions lead to the same.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.uploads import Uploads
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.web.table import Work
from romm_lite.web.uploads import Chunk, read_digest, read_length, receive
from romm_lite.wire.uploads import (
    ChunkHeaders,
    ChunksReceived,
    FileChecksums,
    UploadHeaders,
    UploadSession,
    UploadStarted,
)

router = Router("/api/roms/upload", tags=["roms"])

STARTING = {
    400: "No such platform, a file of that name is there, or it cannot be a name",
    403: "The library is read-only, or the platform would have to be made",
    429: "Too many uploads are open",
    503: "The library is not there",
    507: "The disk has too little space",
}
ENDED = {
    400: "No id of an upload",
    403: "The upload is another user's",
    404: "No such upload, or it has expired",
}
SENDING = ENDED | {
    400: "The chunk has a wrong number, length or checksum",
    409: "The upload is being completed, or the chunk was sent again",
    413: "The chunk is too large",
    507: "The disk is full",
}
COMPLETING = ENDED | {
    400: "Chunks are missing, or the file is not what its checksum says",
    409: "The upload is completed already, or a file of that name is there",
}


@router.post("/start", Scope.ROMS_WRITE, status=201, heavy=True, responses=STARTING)
def start_upload(uploads: Uploads, user: Identity, headers: UploadHeaders) -> UploadStarted:
    """Announce a file. It may be sent within a day, and a day after each of its chunks.

    All chunks but the last have the same size, 64 MiB at most.
    """
    return UploadStarted(upload_id=uploads.start(user, headers))


@router.post("/init", Scope.ROMS_WRITE, status=201, heavy=True, hidden=True)
def init_upload(uploads: Uploads, user: Identity, headers: UploadHeaders) -> UploadStarted:
    return start_upload(uploads, user, headers)


@router.get("/{upload_id}", Scope.ROMS_WRITE, responses=ENDED)
def get_upload(uploads: Uploads, user: Identity, upload_id: str) -> UploadSession:
    """Which chunks are there and which are missing, to go on after an interruption."""
    session, progress, expires_at = uploads.show(user, upload_id)
    return UploadSession(
        upload_id=session.upload_id,
        platform_id=session.platform_id,
        filename=session.filename,
        total_size=session.total_size,
        total_chunks=session.total_chunks,
        chunk_size=progress.chunk_size,
        received=progress.received,
        missing=progress.missing,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
    )


@router.get("/{upload_id}/session", Scope.ROMS_WRITE, hidden=True)
def get_upload_session(uploads: Uploads, user: Identity, upload_id: str) -> UploadSession:
    return get_upload(uploads, user, upload_id)


@router.post("/{upload_id}/chunk", Scope.ROMS_WRITE, heavy=True, hidden=True)
@router.put("/{upload_id}/chunk", Scope.ROMS_WRITE, heavy=True, hidden=True)
@router.put("/{upload_id}", Scope.ROMS_WRITE, heavy=True, responses=SENDING)
async def put_chunk(
    request: Request, work: Work, upload_id: str, headers: ChunkHeaders
) -> ChunksReceived:
    """One chunk, as the body. Any order will do, and one may be sent again."""
    chunk = await work(
        _begin,
        upload_id=upload_id,
        headers=headers,
        length=read_length(request.headers),
    )
    progress = await receive(request, chunk)
    return ChunksReceived(received=progress.number, total=len(progress.marks))


def _begin(
    uploads: Uploads, user: Identity, upload_id: str, headers: ChunkHeaders, length: int | None
) -> Chunk:
    digests = {
        "x-chunk-sha256": headers.sha256,
        "content-digest": headers.content_digest,
        "digest": headers.digest,
    }
    found = (read_digest(name, value) for name, value in digests.items() if value is not None)
    sha256 = next((digest for digest in found if digest is not None), None)
    return uploads.begin_chunk(user, upload_id, headers.index, length, sha256)


@router.post(
    "/{upload_id}/complete", Scope.ROMS_WRITE, status=201, heavy=True, responses=COMPLETING
)
def complete_upload(
    uploads: Uploads, user: Identity, upload_id: str, headers: FileChecksums
) -> Response:
    """Put the file into the library. A scan of just this file follows by itself."""
    uploads.complete(user, upload_id, headers)
    return Response(status_code=201)


@router.delete("/{upload_id}", Scope.ROMS_WRITE, status=204, heavy=True, hidden=True)
@router.post("/{upload_id}/cancel", Scope.ROMS_WRITE, status=204, heavy=True, responses=ENDED)
def cancel_upload(uploads: Uploads, user: Identity, upload_id: str) -> None:
    """Remove what has come. Nothing happens if there is no such upload."""
    uploads.cancel(user, upload_id)
