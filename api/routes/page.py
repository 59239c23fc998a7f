"""The page at ``/`` and the files that it is made of."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["STATIC", "Files", "router"]

STATIC: Final = Path(__file__).resolve().parents[1] / "static"
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}  # a browser keeps a file, and asks each time whether it has changed

router = APIRouter(include_in_schema=False)


class Files(StaticFiles):
    """The page's own modules, its style, and what `deploy.page_assets` has fetched."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file; always the one of this version."""
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response


@router.get("/")
async def page() -> FileResponse:
    """The page."""
    return FileResponse(STATIC / "index.html", headers=_ASK_AGAIN)
